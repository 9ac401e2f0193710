"""Which models to use when nobody named any: provider keys, then Ollama, then the extractive seats; and say which."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from pydantic import BaseModel

from fusion_graph.config import FusionConfig, Seat
from fusion_graph.errors import ConfigError
from fusion_graph.models import Models, installed, ollama_url
from fusion_graph.resources import Resources

PROBE_SECONDS = 0.5
"""For one answer of an Ollama server that may not be there."""
PROBE_SECONDS_IN_ALL = 5.0
SELF_FUSION = 2
"""Seats that one model alone gets: drafts of two runs differ enough to be worth comparing."""
SMALL = 6_000_000_000
"""Bytes; models in smaller files invent more than they know."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Settings that were found, and why these.

    Attributes:
        config: Panel, judge and writer.
        why: In one sentence, for the receipt and the first line of output.
    """

    config: FusionConfig
    why: str


class OllamaModel(BaseModel):
    """A model that an Ollama server lists.

    Attributes:
        name: Its name there.
        size: Bytes of its file, where the server says.
    """

    name: str
    size: int | None = None


class _OllamaModels(BaseModel):
    models: list[OllamaModel]


class _OllamaDetails(BaseModel):
    capabilities: list[str] | None = None


async def choose(models: Models, resources: Resources) -> Choice:
    """Find the best models there are.

    Args:
        models: Knows keys, providers and presets.
        resources: The operator's gateway and folder.

    Returns:
        The choice: the gateway if its key is set, else the providers whose keys are set, else an Ollama server
        whose models can call tools, else the preset `offline` where there is a folder to quote from.

    Raises:
        ConfigError: There is none of these; the message says what was looked for and what to do.
    """
    gateway = resources.gateway
    if not gateway.is_openrouter or models.environ.get(gateway.api_key_env):
        high = models.catalog.preset("general-high")
        why = f"{gateway.api_key_env} is set" if gateway.is_openrouter else f"gateway {gateway.base_url}"
        return Choice(high, f"preset general-high: {why}")
    if (keyed := _by_keys(models)) is not None:
        return keyed
    if (local := await _ollama(models.environ)) is not None:
        return local
    if resources.corpus is not None:
        return Choice(
            models.catalog.preset("offline"),
            "preset offline: no provider key, no Ollama server with a tool-calling model",
        )
    raise ConfigError(_nothing_found(models))


def _by_keys(models: Models) -> Choice | None:
    keyed = [
        p for p in models.catalog.providers.values() if p.default and any(models.environ.get(key) for key in p.keys)
    ]
    found = [provider for provider in keyed if installed(provider.package)] or keyed
    if not found:
        return None
    panel: list[Seat | str] = [provider.default for provider in found[:8]]
    panel = panel * SELF_FUSION if len(panel) == 1 else panel
    names = ", ".join(next(key for key in provider.keys if models.environ.get(key)) for provider in found)
    unused = "".join(f"; {p.name} has a key too, but needs {p.install}" for p in keyed if p not in found)
    return Choice(FusionConfig(panel=panel, judge=found[0].default), f"{names} set{unused}")


async def ollama_models(environ: Mapping[str, str]) -> list[OllamaModel] | None:
    """Ask an Ollama server for the models that say they can call tools.

    Args:
        environ: `OLLAMA_HOST` says where it is.

    Returns:
        The models, largest first; `None` where no Ollama server answers in time.
    """
    try:
        async with (
            asyncio.timeout(PROBE_SECONDS_IN_ALL),
            httpx.AsyncClient(base_url=ollama_url(environ), timeout=PROBE_SECONDS, trust_env=False) as client,
        ):
            able = [model for model in await _listed(client) if await _can_call_tools(client, model.name)]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError):
        return None
    return sorted(able, key=lambda model: model.size or 0, reverse=True)


async def _ollama(environ: Mapping[str, str]) -> Choice | None:
    url, able = ollama_url(environ), await ollama_models(environ)
    if not able:
        return None
    names = [f"ollama:{model.name}" for model in able][:3]
    panel: list[Seat | str] = [*names] if len(names) > 1 else [*names * SELF_FUSION]
    small = " (small models: check what they say)" if (able[0].size or 0) < SMALL else ""
    return Choice(FusionConfig(panel=panel, judge=names[0]), f"Ollama at {url}: {', '.join(names)}{small}")


async def _listed(client: httpx.AsyncClient) -> list[OllamaModel]:
    answer = (await client.get("/api/tags")).raise_for_status()
    return _OllamaModels.model_validate_json(answer.content).models[:32]


async def _can_call_tools(client: httpx.AsyncClient, name: str) -> bool:
    answer = await client.post("/api/show", json={"model": name})
    return answer.is_success and "tools" in (_OllamaDetails.model_validate_json(answer.content).capabilities or [])


def _nothing_found(models: Models) -> str:
    keys = ", ".join(["OPENROUTER_API_KEY", *[p.keys[0] for p in models.catalog.providers.values() if p.default]])
    return (
        f"no models: none of {keys} is set, and no Ollama server with a tool-calling model answers at "
        f"{ollama_url(models.environ)}. Set one of the keys; or run `ollama pull qwen3`; "
        "or name your own server with FUSION_GATEWAY_URL=http://...; "
        'or see it work without any model on a folder of your own: fusion ask --preset offline --corpus DIR "..."'
    )
