"""What a call costs where its provider does not say: the operator's own prices, else the list of genai-prices.

The list comes with the package genai-prices; nothing is ever fetched. What it does not know has no price here.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from fusion_graph.money import exact
from fusion_graph.presets import TokenPrice, load_catalog
from fusion_graph.resources import Resources
from fusion_graph.usage import Usage

UNBILLED = ("offline", "local", "ollama")
"""Nobody sends a bill for these; what they cost in hardware and power stays unknown."""
OPENROUTER = "openrouter"
_LISTED = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google_genai": "google",
    "deepseek": "deepseek",
    "mistralai": "mistral",
    "xai": "x-ai",
    "groq": "groq",
    "together": "together",
    "fireworks": "fireworks",
    "cohere": "cohere",
    "perplexity": "perplexity",
    OPENROUTER: "openrouter",
}
"""LangChain's names of providers, and those of genai-prices."""
_ADDRESSES = ("_BASE_URL", "_API_BASE", "_API_URL")
"""Ends of the variables by which a provider's package is sent to another server."""
_FREE = ":free"


class Prices:
    """Prices the models of one graph.

    Args:
        resources: The operator's gateway, and the prices of their presets file.
        environ: Says where providers' packages are sent to; the process environment when unset.
    """

    def __init__(self, resources: Resources, environ: Mapping[str, str] | None = None) -> None:
        self.resources = resources
        self.environ = os.environ if environ is None else environ
        self._ready = False

    def price(self, requested: str, served: str | None, usage: Usage) -> float | None:
        """Price one call.

        Args:
            requested: The model as the config names it.
            served: The model that the provider says answered, if it said.
            usage: Its tokens.

        Returns:
            US dollars, or `None` where tokens or price are unknown.
        """
        if usage.input_tokens is None or usage.output_tokens is None:
            return None
        own = self._own(requested, served)
        if own is not None:
            return exact(own.cost(usage.input_tokens, usage.output_tokens, usage.cached_tokens or 0))
        costs = (_listed(*reference, usage) for reference in self._references(requested, served))
        cost = next((cost for cost in costs if cost is not None), None)
        return None if cost is None else exact(cost)

    def at_most(self, requested: str, input_tokens: int, output_tokens: int) -> Decimal | None:
        """Say what a call can cost, before it is made.

        Args:
            requested: The model as the config names it.
            input_tokens: Prompt tokens, none of them cached.
            output_tokens: Completion tokens.

        Returns:
            US dollars by the dearest price that may hold: 0 where nobody bills, `None` where no price is known.
        """
        if not self.is_billed(requested):
            return Decimal(0)
        own = self._own(requested, None)
        if own is not None:
            return own.cost(input_tokens, output_tokens, 0)
        usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
        costs = [_listed(*reference, usage) for reference in self._references(requested, None)]
        return max((cost for cost in costs if cost is not None), default=None)

    def is_billed(self, requested: str) -> bool:
        """Whether somebody sends a bill for a model."""
        return requested in self.resources.models or _split(requested)[0] not in UNBILLED

    async def prepare(self, models: Iterable[str], *, limited: bool) -> None:
        """Load the list beside the event loop if these models need it; that takes half a second, once.

        Args:
            models: The models of a run.
            limited: Whether what calls can cost will be asked before they are made. If not, OpenRouter's models
                need no list: their provider says what a call cost.
        """
        if self._ready:
            return
        providers = {_split(model)[0] for model in models if model not in self.resources.models}
        if providers & set(_LISTED) or ("" in providers and limited and self.resources.gateway.is_openrouter):
            await asyncio.to_thread(_load)
            self._ready = True

    def _own(self, requested: str, served: str | None) -> TokenPrice | None:
        if requested in self.resources.models:
            return None
        held = load_catalog(self.resources.presets).prices
        return held.get(requested) or held.get(served or "")

    def _references(self, requested: str, served: str | None) -> Iterator[tuple[str, str]]:
        """Yield provider and model as the list may know them, the surest first."""
        if requested in self.resources.models:
            return
        provider, model = _split(requested)
        listed = _LISTED.get(provider or OPENROUTER)
        if listed is None or not self._is_itself(provider, listed):
            return
        if served:
            yield listed, _as_free(served, model)
        yield listed, model
        if not provider and (alias := load_catalog(self.resources.presets).aliases.get(model)):
            yield listed, alias

    def _is_itself(self, provider: str, listed: str) -> bool:
        """Whether a name's calls go to the provider itself, and not to a server that speaks its protocol."""
        if not provider:
            return self.resources.gateway.is_openrouter
        addresses = [self.environ.get(provider.upper() + end) for end in _ADDRESSES]
        return all(_belongs(address, listed) for address in addresses if address)


def _load() -> None:
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - slow to import, and many runs need none

    get_snapshot()


def _split(name: str) -> tuple[str, str]:
    """Split `provider:model`; a gateway's `author/model`, variants such as `author/model:free` included, has none."""
    provider, colon, model = name.partition(":")
    return (provider, model) if colon and "/" not in provider else ("", name)


def _as_free(served: str, requested: str) -> str:
    """Keep in mind that the free variant of a model was asked for, where the served name leaves it out."""
    return served + _FREE if requested.endswith(_FREE) and ":" not in served else served


def _belongs(address: str, listed: str) -> bool:
    from genai_prices.data_snapshot import find_provider_by_id, get_snapshot  # noqa: PLC0415 - as above

    provider = find_provider_by_id(get_snapshot().providers, listed)
    return provider is not None and re.match(provider.api_pattern, address) is not None


def _listed(provider: str, model: str, usage: Usage) -> Decimal | None:
    from genai_prices import Usage as Tokens  # noqa: PLC0415 - as above
    from genai_prices import calc_price  # noqa: PLC0415

    tokens = Tokens(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_reasoning_tokens=usage.reasoning_tokens,
    )
    try:
        found = calc_price(tokens, model, provider_id=provider)
    except (LookupError, ValueError):  # not on the list; or counts that contradict each other
        return None
    return found.total_price if _is_whole(found.model_price, model) else None


def _is_whole(price: Any, model: str) -> bool:
    """Whether a list entry prices both ways; one without any price is free only if its name says so."""
    ways = [price.input_mtok, price.output_mtok]
    return None not in ways or (ways == [None, None] and model.endswith(_FREE))
