"""What works here, and what to do about what does not. Nothing is spent, and no key is ever printed."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from langchain_core.messages import HumanMessage

from fusion_graph.config import SearchSettings
from fusion_graph.detect import PROBE_SECONDS, choose, ollama_models
from fusion_graph.errors import ConfigError
from fusion_graph.failures import classify
from fusion_graph.models import CallSettings, Models, ollama_url
from fusion_graph.redaction import redact
from fusion_graph.resources import Resources
from fusion_graph.seats import judge_of
from fusion_graph.shell.sandboxes import find_sandbox
from fusion_graph.tools.corpus import Corpus
from fusion_graph.tools.engine_choice import KEYS, check_search

State = Literal["ok", "off", "problem"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        group: `settings`, `keys`, `models`, `engines`, `sandbox`, `ollama`, `local`, `checkpointer`, `server` or
            `tracing`.
        name: What it is.
        state: `ok` works, `off` is not set up and need not be, `problem` is set up and does not work.
        detail: What was found.
        fix: What to do; empty where there is nothing to do.
    """

    group: str
    name: str
    state: State
    detail: str
    fix: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


async def examine(resources: Resources, *, live: bool = False) -> list[Check]:
    """Look at everything a run may need.

    Args:
        resources: The operator's side.
        live: Whether to make one call of a few tokens to each model of the default panel; that costs money.

    Returns:
        The checks, by group.
    """
    env = os.environ
    models = Models(resources)
    checks = [
        *_keys(models),
        await _default_panel(models, resources),
        *await asyncio.to_thread(_engines, resources, env),
    ]
    checks += [await asyncio.to_thread(_sandbox, resources), await _ollama(env), _local(resources)]
    checks += [*_checkpointers(), *await _server(), _tracing(env)]
    return [*checks, *await _live(models, resources)] if live else checks


async def examine_here(*, live: bool = False) -> list[Check]:
    """Look at everything a run may need, with the operator's side read from the variables.

    Args:
        live: As for `examine`.

    Returns:
        The checks; where the variables hold what cannot be, that alone, since all else rests on it.
    """
    try:
        return await examine(Resources.from_env(), live=live)
    except ConfigError as error:
        fix = "correct the FUSION_... variable or the file that is named; see docs/config.md"
        return [Check("settings", "variables", "problem", redact(str(error)), fix)]


def _keys(models: Models) -> list[Check]:
    gateway = models.resources.gateway
    wanted: list[tuple[str, tuple[str, ...], str]] = []
    if gateway.api_key_env:
        wanted.append(("gateway", (gateway.api_key_env,), ""))
    wanted += [(p.name, p.keys, p.package) for p in models.catalog.providers.values()]
    return [_key(models.environ, models, name, keys, package) for name, keys, package in wanted]


def _key(env: Mapping[str, str], models: Models, name: str, keys: Sequence[str], package: str) -> Check:
    found = next((key for key in keys if env.get(key)), None)
    if found is None:
        return Check("keys", name, "off", f"{' or '.join(keys)} is not set", f"export {keys[0]}=...")
    if package and importlib.util.find_spec(package.replace("-", "_")) is None:
        install = models.catalog.providers[name].install
        return Check("keys", name, "problem", f"{found} is set, but {package} is not installed", install)
    return Check("keys", name, "ok", f"{found} is set")


async def _default_panel(models: Models, resources: Resources) -> Check:
    try:
        choice = await choose(models, resources)
        for model in [*[seat.model for seat in choice.config.seats()], judge_of(choice.config)]:
            models.get(model, CallSettings(), asked_by="default panel")
    except ConfigError as error:
        return Check("models", "default panel", "problem", str(error), "set a key, or name models with --panel")
    names = ", ".join(seat.model for seat in choice.config.seats())
    return Check("models", "default panel", "ok", f"{choice.why}: {names}")


def _engines(resources: Resources, env: Mapping[str, str]) -> list[Check]:
    corpus = Corpus(resources.corpus) if resources.corpus else None
    wanted = {
        "corpus": resources.corpus is not None,
        **{engine: bool(env.get(key)) for engine, key in KEYS.items()},
        "searxng": resources.searxng_url is not None,
        "duckduckgo": False,
        "auto": True,
    }
    return [_engine(name, env, corpus, resources, wanted=asked) for name, asked in wanted.items()]


def _engine(name: str, env: Mapping[str, str], corpus: Corpus | None, resources: Resources, *, wanted: bool) -> Check:
    settings = SearchSettings.model_validate({"engine": name})
    try:
        used = check_search(settings, environ=env, corpus=corpus, searxng_url=resources.searxng_url)
    except ConfigError as error:
        return Check("engines", name, "problem" if wanted else "off", str(error), "see docs/tools.md")
    return Check("engines", name, "ok", f"takes {used}" if name == "auto" else "ready")


def _sandbox(resources: Resources) -> Check:
    if resources.shell == "off":
        return Check("sandbox", "shell", "off", "the panel has no shell", "FUSION_SHELL=auto")
    try:
        sandbox = find_sandbox(resources)
    except ConfigError as error:
        return Check("sandbox", "shell", "problem", str(error), "install bubblewrap, or start Docker")
    return Check("sandbox", "shell", "ok", f"{sandbox.name} starts")


async def _ollama(env: Mapping[str, str]) -> Check:
    found = await ollama_models(env)
    url = ollama_url(env)
    if found is None:
        return Check("ollama", url, "off", f"nothing answers within {PROBE_SECONDS} s", "ollama serve")
    if not found:
        return Check("ollama", url, "problem", "no model there says that it can call tools", "ollama pull qwen3")
    return Check("ollama", url, "ok", "tool-calling models: " + ", ".join(model.name for model in found))


def _local(resources: Resources) -> Check:
    if importlib.util.find_spec("xllamacpp") is None:
        return Check("local", "GGUF files", "off", "xllamacpp is not installed", "pip install 'fusion-graph[local]'")
    if resources.local_models is None:
        return Check("local", "GGUF files", "off", "no folder of models is configured", "FUSION_LOCAL_MODELS=DIR")
    if not resources.local_models.expanduser().is_dir():
        detail = f"{resources.local_models} is no folder"
        return Check("local", "GGUF files", "problem", detail, "FUSION_LOCAL_MODELS=DIR")
    return Check("local", "GGUF files", "ok", f"from {resources.local_models}")


def _checkpointers() -> list[Check]:
    packages = {"sqlite": "langgraph.checkpoint.sqlite", "postgres": "langgraph.checkpoint.postgres"}
    return [
        Check("checkpointer", name, "ok", "installed")
        if _importable(module)
        else Check("checkpointer", name, "off", "not installed", f"pip install 'fusion-graph[{name}]'")
        for name, module in packages.items()
    ]


async def _server() -> list[Check]:
    from fusion_graph.doctor_server import server_checks  # noqa: PLC0415 - it needs this module

    return await server_checks()


def _importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _tracing(env: Mapping[str, str]) -> Check:
    on = any(env.get(name, "").lower() == "true" for name in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"))
    key = bool(env.get("LANGSMITH_API_KEY") or env.get("LANGCHAIN_API_KEY"))
    if not on:
        return Check("tracing", "LangSmith", "off", "LANGSMITH_TRACING is not true", "export LANGSMITH_TRACING=true")
    if not key:
        detail = "LANGSMITH_TRACING is true, but LANGSMITH_API_KEY is not set"
        return Check("tracing", "LangSmith", "problem", detail, "export LANGSMITH_API_KEY=...")
    return Check("tracing", "LangSmith", "ok", f"project {env.get('LANGSMITH_PROJECT') or 'default'}")


async def _live(models: Models, resources: Resources) -> list[Check]:
    try:
        config = (await choose(models, resources)).config
    except ConfigError:
        return []
    names = list(dict.fromkeys([*[seat.model for seat in config.seats()], judge_of(config)]))
    return [await _answers(models, name) for name in names]


async def _answers(models: Models, name: str) -> Check:
    try:
        model = models.get(name, CallSettings(max_tokens=16), asked_by="doctor")
        await model.ainvoke([HumanMessage("Say ok.")])
    except Exception as error:  # noqa: BLE001 - whatever a provider raises is what the check reports
        failure = classify(error)
        return Check("models", name, "problem", f"{failure.kind}: {failure.message}")
    return Check("models", name, "ok", "answers")
