"""From a model's name to a chat model, pooled per event loop; a missing key or package is an error here."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import httpx2
from langchain_core.language_models import BaseChatModel

from fusion_graph.config import Reasoning
from fusion_graph.errors import ConfigError, MissingKeyError, MissingPackageError
from fusion_graph.http import http_client
from fusion_graph.meter import MODEL
from fusion_graph.presets import Catalog, load_catalog
from fusion_graph.quirks import reasoning_kwargs, sampling_kwargs
from fusion_graph.redaction import redact
from fusion_graph.resources import Resources

_DIRECT = re.compile(r"^(?P<provider>[a-z][a-z0-9_-]*):(?P<model>.+)$")
MODELS_HELD = 256
"""Chat models that are held for one graph and event loop; clients choose settings, so the least used are let go."""
DEFAULT_WINDOW = 128_000
"""Tokens assumed of a model whose published window nobody knows."""
_LAST_PORT = 65_535
_OLLAMA_PORTS = {"http": "80", "https": "443"}
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - read, never listened on


@dataclass(frozen=True, slots=True)
class CallSettings:
    """What a part of the run asks of its model.

    Attributes:
        max_tokens: Output tokens per call.
        temperature: Sampling temperature; the provider's default when unset.
        reasoning: How hard it thinks.
        streaming: Whether its tokens are heard as they come even where nobody watches, for idle limits.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    reasoning: Reasoning | None = None
    streaming: bool = False


_Held = OrderedDict[tuple[str, CallSettings], BaseChatModel]


class Models:
    """Turns names into chat models for one graph.

    Args:
        resources: The operator's side: gateway, instances, presets.
        environ: Where keys are looked up; the process environment when unset.
    """

    def __init__(self, resources: Resources, environ: Mapping[str, str] | None = None) -> None:
        self.resources = resources
        self.environ = os.environ if environ is None else environ
        self._pool: WeakKeyDictionary[asyncio.AbstractEventLoop, _Held] = WeakKeyDictionary()

    @property
    def catalog(self) -> Catalog:
        """Presets, aliases and providers."""
        return load_catalog(self.resources.presets)

    def get(self, name: str, settings: CallSettings, *, asked_by: str) -> BaseChatModel:
        """Return the chat model for a name; the same one for the same name, settings and event loop.

        Args:
            name: A name as in `FusionConfig`.
            settings: What is asked of it.
            asked_by: Whose model it is, for error messages: a seat, the judge or the writer.

        Returns:
            A chat model, shared: do not change it.

        Raises:
            ConfigError: The name has no known form, or its key or package is missing.
        """
        pool = self._pool.setdefault(asyncio.get_running_loop(), OrderedDict())
        key = (name, settings)
        if key not in pool or _closed(pool[key]):
            pool[key] = self._build(name, settings, asked_by)
            if name not in self.resources.models:  # which are not ours to change
                pool[key].metadata = {**(pool[key].metadata or {}), MODEL: name}
        pool.move_to_end(key)
        while len(pool) > MODELS_HELD:
            pool.popitem(last=False)
        return pool[key]

    def _build(self, name: str, settings: CallSettings, asked_by: str) -> BaseChatModel:
        if name in self.resources.models:
            return self.resources.models[name]
        direct = _DIRECT.match(name) if "/" not in name.split(":", 1)[0] else None
        if direct is not None:
            return self._direct(direct["provider"], direct["model"], settings, asked_by)
        if "/" in name:
            return self._gateway(name, settings, asked_by)
        raise ConfigError(
            f"{asked_by}: model {name!r} has no known form; write 'provider:model', 'author/model', "
            "'local:path.gguf', or a name given in Resources(models=...)"
        )

    def _direct(self, provider: str, model: str, settings: CallSettings, asked_by: str) -> BaseChatModel:
        if provider == "offline":
            from fusion_graph.offline import offline_model  # noqa: PLC0415

            return offline_model(model)
        if provider == "local":
            from fusion_graph.local import local_model  # noqa: PLC0415

            path = str(self._local_file(model, asked_by))
            return local_model(path, max_tokens=settings.max_tokens, temperature=settings.temperature)
        if provider == "ollama":
            return self._compatible(model, ollama_url(self.environ) + "/v1", "unused", settings, "ollama")
        return self._langchain(provider, model, settings, asked_by)

    def _local_file(self, name: str, asked_by: str) -> Path:
        """Find a GGUF file inside the operator's folder: a config can come from a client, who may name no other."""
        folder = self.resources.local_models
        if folder is None:
            raise ConfigError(
                f"{asked_by}: model 'local:{name}' is a file, and no folder of models is configured; "
                "set FUSION_LOCAL_MODELS=DIR or Resources(local_models=DIR)"
            )
        root = folder.expanduser().resolve()
        path = (root / Path(name).expanduser()).resolve()
        if not path.is_relative_to(root):
            raise ConfigError(f"{asked_by}: model 'local:{name}' lies outside the configured folder of models")
        return path

    def _gateway(self, name: str, settings: CallSettings, asked_by: str) -> BaseChatModel:
        gateway = self.resources.gateway
        key = self.environ.get(gateway.api_key_env, "") if gateway.api_key_env else "unused"
        if not key:
            raise MissingKeyError(
                f"{asked_by}: model {name!r} needs {gateway.api_key_env}, which is not set; "
                f"export {gateway.api_key_env}=... or name another model"
            )
        slug = name if gateway.is_openrouter else self.catalog.aliases.get(name, name)
        return self._compatible(slug, gateway.base_url, key, settings, "gateway")

    def _compatible(self, model: str, base_url: str, key: str, settings: CallSettings, provider: str) -> BaseChatModel:
        from fusion_graph.gateway import GatewayChat  # noqa: PLC0415

        return GatewayChat(
            model=model,
            base_url=base_url,
            api_key=key,
            max_retries=0,
            stream_usage=True,
            **({"streaming": True} if settings.streaming else {}),  # an explicit False would forbid it to all
            max_tokens=settings.max_tokens,
            http_async_client=http_client(),
            http_socket_options=(),  # of a client that is never used; else it warns that proxies are not
            **_thought(provider, model, settings),
        )

    def _langchain(self, provider: str, model: str, settings: CallSettings, asked_by: str) -> BaseChatModel:
        from langchain.chat_models import init_chat_model  # noqa: PLC0415

        known = self.catalog.providers.get(provider)
        if known is not None:
            _require(known.package, known.install, f"{asked_by}: model '{provider}:{model}'")
            if not any(self.environ.get(key) for key in known.keys):
                raise MissingKeyError(
                    f"{asked_by}: model '{provider}:{model}' needs {' or '.join(known.keys)}, which is not set; "
                    f"export {known.keys[0]}=... or name another model"
                )
        extra: dict[str, Any] = {}
        if provider == "openai":  # see GatewayChat on the chunk timeout
            extra = {"http_async_client": http_client(), "http_socket_options": (), "stream_chunk_timeout": None}
        if settings.streaming and provider in ("openai", "anthropic"):
            extra["streaming"] = True
        options = {
            "max_retries": 0,
            "max_tokens": settings.max_tokens,
            **_thought(provider, model, settings),
            **extra,
        }
        try:
            built: BaseChatModel = init_chat_model(model, model_provider=provider, **options)
        except ImportError as error:
            raise MissingPackageError(f"{asked_by}: model '{provider}:{model}': {error}") from error
        except ValueError as error:
            raise ConfigError(f"{asked_by}: model '{provider}:{model}': {redact(str(error))}") from error
        return built


def _thought(provider: str, model: str, settings: CallSettings) -> dict[str, Any]:
    reasoning = reasoning_kwargs(provider, settings.reasoning, model=model, max_tokens=settings.max_tokens)
    return {**sampling_kwargs(provider, settings.temperature, thinks=bool(reasoning)), **reasoning}


def _closed(model: BaseChatModel) -> bool:
    client = getattr(model, "http_async_client", None)
    return isinstance(client, httpx2.AsyncClient) and client.is_closed


def ollama_url(environ: Mapping[str, str]) -> str:
    """Return the address of the Ollama server: `OLLAMA_HOST` in any form that Ollama itself reads, else its default.

    Args:
        environ: The variables.

    Returns:
        Scheme, host and port, and a path if there is one, without a slash at the end. An address that a server
        listens on everywhere becomes this machine's.
    """
    scheme, separator, rest = environ.get("OLLAMA_HOST", "").strip().strip("\"'").rpartition("://")
    place, _, path = rest.partition("/")
    named = re.fullmatch(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>\d+))?", place)
    host, port = (named["host"], named["port"]) if named else (f"[{place}]", None)
    if port is None or int(port[:6]) > _LAST_PORT:
        port = _OLLAMA_PORTS.get(scheme, "11434") if separator else "11434"
    tail = f"/{path.rstrip('/')}" if path.rstrip("/") else ""
    return f"{scheme or 'http'}://{_EVERYWHERE.get(host, host)}:{port}{tail}"


def context_window(model: BaseChatModel) -> int | None:
    """Return how many tokens a model can read, where its package knows.

    Args:
        model: A chat model.

    Returns:
        The window in tokens, or `None`.
    """
    profile = getattr(model, "profile", None) or {}
    window = profile.get("max_input_tokens")
    return int(window) if window else None


def installed(package: str) -> bool:
    """Whether a distribution whose module has the same name can be imported."""
    return importlib.util.find_spec(package.replace("-", "_")) is not None


def _require(package: str, install: str, used_for: str) -> None:
    if not installed(package):
        raise MissingPackageError(f"{used_for} needs the package {package!r}: {install}")
