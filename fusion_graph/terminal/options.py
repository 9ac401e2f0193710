"""The options of `fusion ask` and `fusion estimate`: how each is written and what its help says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

Mode = Literal["fuse", "analyze", "auto"]
EngineName = Literal["auto", "exa", "tavily", "parallel", "searxng", "duckduckgo", "corpus"]
EffortName = Literal["max", "xhigh", "high", "medium", "low", "minimal", "none"]

Question = Annotated[
    str | None, typer.Argument(help="The question. Read from standard input when it is left out or is -.")
]
Preset = Annotated[
    str | None,
    typer.Option("--preset", metavar="NAME", help="A named panel; `fusion presets` lists them."),
]
Panel = Annotated[
    list[str] | None,
    typer.Option(
        "--panel",
        metavar="MODEL",
        help="A seat's model: provider:model, author/model (the gateway) or local:file.gguf. Repeat it, or separate "
        "by commas, for 1 to 8 seats; the same model twice is self-fusion.",
    ),
]
Judge = Annotated[
    str | None,
    typer.Option(
        "--judge",
        metavar="MODEL",
        help="The model that compares the drafts.  [default: the preset's, else the first seat's]",
    ),
]
Writer = Annotated[
    str | None,
    typer.Option(
        "--writer",
        metavar="MODEL",
        help="The model that writes the answer; with --mode auto the one that decides.  [default: the judge's]",
    ),
]
Corpus = Annotated[
    Path | None,
    typer.Option(
        "--corpus",
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="A folder of Markdown, text, HTML and PDF files that web_search searches.  [env: FUSION_CORPUS]",
    ),
]
ModeOption = Annotated[
    Mode,
    typer.Option(
        "--mode",
        help="fuse: panel, judge, written answer. analyze: stop after the judge. auto: a model decides whether to "
        "convene the panel, and answers.",
    ),
]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON object and nothing else: answer, analysis, responses, failed_models, sources, receipt, "
        "status, failure_reason.",
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="TOML or JSON file with FusionConfig fields; options win over it."),
]
PresetsFile = Annotated[
    Path | None,
    typer.Option(
        "--presets-file", metavar="FILE", help="Your own presets, in the form of presets.toml.  [env: FUSION_PRESETS]"
    ),
]
MaxToolCalls = Annotated[
    int | None,
    typer.Option("--max-tool-calls", metavar="N", help="Tool steps of a seat and of the judge, 1 to 16.  [default: 4]"),
]
MaxCompletionTokens = Annotated[
    int | None,
    typer.Option("--max-completion-tokens", metavar="N", help="Output tokens per model call.  [default: 16000]"),
]
Temperature = Annotated[
    float | None,
    typer.Option(
        "--temperature", metavar="X", help="Of the panel, 0 to 2; the judge is always at 0.  [default: the provider's]"
    ),
]
Effort = Annotated[
    EffortName | None,
    typer.Option("--effort", help="How hard panel and judge reason.  [default: the provider's]"),
]
Tools = Annotated[
    list[str] | None,
    typer.Option(
        "--tools",
        metavar="NAME",
        help="A tool of panel and judge; repeat it or separate by commas.  [default: web_search, web_fetch]",
    ),
]
NoTools = Annotated[bool, typer.Option("--no-tools", help="No tools: the models answer from what they know.")]
Engine = Annotated[
    EngineName | None,
    typer.Option(
        "--engine", help="What web_search asks.  [default: auto: the corpus, else the first engine with a key]"
    ),
]
AllowDomain = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-domain", metavar="HOST", help="Search and fetch only there: a host, or host/path. Repeatable."
    ),
]
ExcludeDomain = Annotated[
    list[str] | None,
    typer.Option("--exclude-domain", metavar="HOST", help="Never search or fetch there. Repeatable."),
]
SeatTimeout = Annotated[
    float | None,
    typer.Option("--seat-timeout", metavar="SECONDS", help="What a seat may take in all.  [default: 600]"),
]
SeatIdleTimeout = Annotated[
    float | None,
    typer.Option(
        "--seat-idle-timeout", metavar="SECONDS", help="What a seat may go without a token.  [default: no limit]"
    ),
]
Quorum = Annotated[
    int | None,
    typer.Option(
        "--quorum", metavar="N", help="Drafts that are enough; the others then get --grace.  [default: all seats]"
    ),
]
Grace = Annotated[
    float | None,
    typer.Option("--grace", metavar="SECONDS", help="What stragglers get after the quorum.  [default: 10]"),
]
Deadline = Annotated[
    float | None,
    typer.Option("--deadline", metavar="SECONDS", help="When the panel ends, with what there is.  [default: no limit]"),
]
MaxCost = Annotated[
    float | None,
    typer.Option(
        "--max-cost",
        metavar="USD",
        help="What the run may cost, models and searches together; near it no new work starts, and judge and writer "
        "finish with what there is.  [default: no limit]",
    ),
]
MaxTotalTokens = Annotated[
    int | None,
    typer.Option("--max-total-tokens", metavar="N", help="The same in tokens, in and out.  [default: no limit]"),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed", metavar="N", help="Seed of the order in which drafts are shown.  [default: taken from the question]"
    ),
]
NoBlind = Annotated[bool, typer.Option("--no-blind", help="Tell judge and writer which model wrote which draft.")]
GatewayUrl = Annotated[
    str | None,
    typer.Option(
        "--gateway-url",
        metavar="URL",
        help="OpenAI-compatible server for author/model names, /v1 included.  [env: FUSION_GATEWAY_URL; default: "
        "OpenRouter]",
    ),
]
GatewayKeyEnv = Annotated[
    str | None,
    typer.Option(
        "--gateway-key-env",
        metavar="VARIABLE",
        help="Variable that holds the gateway's key.  [env: FUSION_GATEWAY_KEY_ENV; default: OPENROUTER_API_KEY, "
        "none with a URL of your own]",
    ),
]
SearxngUrl = Annotated[
    str | None,
    typer.Option("--searxng-url", metavar="URL", help="A SearxNG instance for web_search.  [env: FUSION_SEARXNG_URL]"),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, analysis or receipt: the result alone.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours; NO_COLOR=1 does the same.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskOptions:
    """What `fusion ask` was told, one field per option; `None` or empty is what was not given."""

    question: str | None = None
    preset: str | None = None
    panel: list[str] | None = None
    judge: str | None = None
    writer: str | None = None
    corpus: Path | None = None
    mode: Mode = "fuse"
    as_json: bool = False
    config: Path | None = None
    presets_file: Path | None = None
    max_tool_calls: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    effort: EffortName | None = None
    tools: list[str] | None = None
    no_tools: bool = False
    engine: EngineName | None = None
    allow_domain: list[str] | None = None
    exclude_domain: list[str] | None = None
    seat_timeout: float | None = None
    seat_idle_timeout: float | None = None
    quorum: int | None = None
    grace: float | None = None
    deadline: float | None = None
    max_cost: float | None = None
    max_total_tokens: int | None = None
    seed: int | None = None
    no_blind: bool = False
    gateway_url: str | None = None
    gateway_key_env: str | None = None
    searxng_url: str | None = None
    quiet: bool = False
    no_color: bool = False
