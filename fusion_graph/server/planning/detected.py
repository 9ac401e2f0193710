"""What a server without any key runs: the models that are found when nobody named one."""

from __future__ import annotations

from dataclasses import replace

from fusion_graph.detect import choose
from fusion_graph.errors import ConfigError
from fusion_graph.kit import Kit
from fusion_graph.seats import writer_of
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.planning.make import offline_graph, settle
from fusion_graph.server.requests.faults import bad


async def detected(plan: RunPlan, kit: Kit) -> RunPlan:
    """Make sure that a plan which names no models can run with those that are found.

    Args:
        plan: Any plan.
        kit: The operator's side of the graphs.

    Returns:
        The same plan; or, where nothing but the extractive seats was found, one whose graph needs no language model.
        The models themselves are left to the graph, whose receipt says which were taken and why.

    Raises:
        ApiError: 400: there are none; the message says what was looked for and what to do.
    """
    settled = settle(kit, plan.config)
    if settled.panel is not None or not plan.config.may_deliberate:
        return plan
    try:
        choice = await choose(kit.models, kit.resources)
        if not writer_of(settled.over(choice.config)).startswith("offline:"):
            return plan
    except ConfigError as error:
        raise bad(str(error), "model", code="no_models") from error
    graph, config = offline_graph(plan.graph, None, plan.config)
    return replace(plan, graph=graph, config=config)
