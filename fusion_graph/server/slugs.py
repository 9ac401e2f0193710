"""The model names that mean a fusion: `openrouter/fusion`, `openrouter/fusion-flash`, `fusion/<preset>`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from fusion_graph.config import FUSION_ID
from fusion_graph.server.requests.faults import bad, shown

ROUTER = "openrouter/fusion"
FLASH = "openrouter/fusion-flash"
FLASH_PRESET = "general-fast"
OWN = "fusion/"


@dataclass(frozen=True, slots=True)
class Slug:
    """A name that means a fusion.

    Attributes:
        name: The name as it is listed.
        preset: The preset it stands for, if it stands for one.
        decides: Whether the calling model decides whether to deliberate; else it always does.
        binding: Whether no other preset may be named beside it.
    """

    name: str
    preset: str | None
    decides: bool
    binding: bool = False


def slugs(presets: Collection[str]) -> list[str]:
    """List the names.

    Args:
        presets: The presets there are.

    Returns:
        OpenRouter's names, then one for each preset.
    """
    return [ROUTER, FLASH, *(f"{OWN}{name}" for name in sorted(presets))]


def read_slug(model: str | None, presets: Collection[str]) -> Slug | None:
    """Read a request's `model`.

    Args:
        model: The name; unset means `openrouter/fusion`. A variant such as `:free` says nothing here.
        presets: The presets there are.

    Returns:
        The slug, or `None` for the name of a model.

    Raises:
        ApiError: 400: the name means a fusion that there is not.
    """
    if model is None:
        return Slug(ROUTER, None, decides=True)
    if not FUSION_ID.match(model):
        return None
    name = model.lower()
    for known in (name, name.rpartition(":")[0]):
        if known == ROUTER:
            return Slug(ROUTER, None, decides=True)
        if known == FLASH:
            return Slug(FLASH, FLASH_PRESET, decides=True)
    for known in (model, model.rpartition(":")[0]):
        preset = known[len(OWN) :] if known.lower().startswith(OWN) else None
        if preset in presets:
            return Slug(f"{OWN}{preset}", preset, decides=False, binding=True)
    told = f"model: there is no {shown(model)}; there are {', '.join(slugs(presets))}"
    raise bad(told, "model", code="model_not_found")
