"""What only the operator of a graph may choose, in Python or by `FUSION_...` variables; no client can send it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self, get_args
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool

from fusion_graph.errors import ConfigError
from fusion_graph.redaction import redact

Shell = Literal["off", "auto", "docker", "bubblewrap"]
SHELL_IMAGE = "python:3.12-alpine3.19"
"""The image of LangChain's own Docker policy."""
OPENROUTER_URL = "https://openrouter.ai/api/v1"


@dataclass(frozen=True, slots=True)
class Gateway:
    """An OpenAI-compatible server that answers for `author/model` names.

    Attributes:
        base_url: Its address, `/v1` included. LiteLLM, vLLM and Ollama work as well as OpenRouter.
        api_key_env: Name of the variable that holds its key; empty for a server that needs none.
    """

    base_url: str = OPENROUTER_URL
    api_key_env: str = "OPENROUTER_API_KEY"

    def __post_init__(self) -> None:
        """Refuse what is no address, and one that carries a password: they are shown in receipts, traces and errors."""
        if "@" in urlsplit(self.base_url).netloc:
            raise ConfigError(
                "gateway: the address carries a user name or password; "
                "leave it out and name the variable that holds the key in api_key_env (FUSION_GATEWAY_KEY_ENV)"
            )
        if not self.base_url.lower().startswith(("http://", "https://")):
            raise ConfigError(
                f"gateway: {redact(self.base_url)!r} is no address; "
                "write it with http:// or https:// in base_url (FUSION_GATEWAY_URL)"
            )

    @property
    def is_openrouter(self) -> bool:
        """Whether this is OpenRouter itself, which resolves `~author/family-latest` names on its own."""
        return self.base_url.rstrip("/") == OPENROUTER_URL


@dataclass(frozen=True, slots=True)
class Resources:
    """The operator's side of a graph.

    Attributes:
        gateway: Who answers for `author/model` names.
        models: Chat model instances by the name under which a config may ask for them.
        tools: LangChain tools, MCP tools included, that a config may name in `tools`.
        corpus: Folder of Markdown, text, HTML and PDF files that the `corpus` engine searches.
        searxng_url: A SearxNG instance for the `searxng` engine.
        local_models: Folder of the GGUF files that a config may name as `local:file.gguf`; none may be when unset.
        allow_addresses: Hosts, `host:port` or networks that `web_fetch` may reach although they are private.
        presets: File with the user's own presets and aliases, in the form of `presets.toml`.
        shell: Whether seats may have the tool `shell`, and in which sandbox; `auto` takes Docker, else bubblewrap.
        shell_image: The image of the Docker sandbox; it must have been pulled.
    """

    gateway: Gateway = field(default_factory=Gateway)
    models: Mapping[str, BaseChatModel] = field(default_factory=dict)
    tools: Sequence[BaseTool] = ()
    corpus: Path | None = None
    searxng_url: str | None = field(default=None, repr=False)
    local_models: Path | None = None
    allow_addresses: tuple[str, ...] = ()
    presets: Path | None = None
    shell: Shell = "off"
    shell_image: str = SHELL_IMAGE

    def __post_init__(self) -> None:
        """Refuse a sandbox that nobody knows, before it is taken for none."""
        if self.shell not in get_args(Shell):
            raise ConfigError(f"shell: {self.shell!r} is none of {', '.join(get_args(Shell))}")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the operator's settings from `FUSION_...` variables.

        Args:
            environ: The variables; `os.environ` when unset. Read are `FUSION_GATEWAY_URL`,
                `FUSION_GATEWAY_KEY_ENV`, `FUSION_CORPUS`, `FUSION_SEARXNG_URL`, `FUSION_LOCAL_MODELS`,
                `FUSION_ALLOW_ADDRESSES` (separated by commas), `FUSION_PRESETS`, `FUSION_SHELL` and
                `FUSION_SHELL_IMAGE`.

        Returns:
            The resources, with defaults for what is not set.

        Raises:
            ConfigError: `FUSION_SHELL` names no known sandbox, or `FUSION_GATEWAY_URL` is no address.
        """
        env = os.environ if environ is None else environ
        url = env.get("FUSION_GATEWAY_URL")
        gateway = Gateway(url, env.get("FUSION_GATEWAY_KEY_ENV", "")) if url else Gateway()
        allowed = tuple(part.strip() for part in env.get("FUSION_ALLOW_ADDRESSES", "").split(",") if part.strip())
        return cls(
            gateway=gateway,
            corpus=Path(env["FUSION_CORPUS"]) if env.get("FUSION_CORPUS") else None,
            searxng_url=env.get("FUSION_SEARXNG_URL") or None,
            local_models=Path(env["FUSION_LOCAL_MODELS"]) if env.get("FUSION_LOCAL_MODELS") else None,
            allow_addresses=allowed,
            presets=Path(env["FUSION_PRESETS"]) if env.get("FUSION_PRESETS") else None,
            shell=env.get("FUSION_SHELL") or "off",  # type: ignore[arg-type]  # checked as it is set
            shell_image=env.get("FUSION_SHELL_IMAGE") or SHELL_IMAGE,
        )
