"""`POST /v1/estimate`: what a request would take, before anything is asked of a model."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from fusion_graph.config import FusionConfig, Mode
from fusion_graph.config_caller import FUSION
from fusion_graph.errors import FusionError
from fusion_graph.estimate import estimate
from fusion_graph.kit import Kit
from fusion_graph.seats import writer_of
from fusion_graph.server.bodies import read_object
from fusion_graph.server.errors import ApiError
from fusion_graph.server.failed_runs import refused
from fusion_graph.server.plan import GraphName, RunPlan
from fusion_graph.server.planning import continues, plan_chat, plan_responses
from fusion_graph.server.planning.make import settle
from fusion_graph.server.principal import Principal
from fusion_graph.server.requests.faults import bad
from fusion_graph.server.routes.planned import planned
from fusion_graph.server.services import Services, services

router = APIRouter()
_MODES: dict[GraphName, Mode] = {"fusion": "fuse", "deliberation": "analyze", "fusion_agent": "auto"}


@router.post("/v1/estimate", include_in_schema=False)
async def estimate_request(request: Request) -> dict[str, Any]:
    """Estimate a chat completion or a response."""
    held = services(request)
    principal = await held.gate.principal(request)
    body = await read_object(request, held.settings.max_body_bytes)
    plan = await _plan(held, body, principal)
    config = _as_estimated(plan, held.kit)
    try:
        found = await estimate(config, plan.messages, held.resources, mode=_MODES[plan.graph])
    except FusionError as error:
        raise refused(error) from error
    told = found.model_dump(mode="json")
    return {"object": "estimate", "model": plan.requested_model, "surface": plan.surface, "graph": plan.graph, **told}


async def _plan(held: Services, body: dict[str, Any], principal: Principal) -> RunPlan:
    if ("messages" in body) == ("input" in body):
        raise bad("messages: send the body of a chat completion (`messages`) or of a response (`input`)", "messages")
    if "messages" in body:
        return (await planned(held, lambda: plan_chat(body, principal, held.settings, held.kit))).plan
    earlier = []
    if any(continues(body)):
        if held.continuity is None:
            raise ApiError(400, "previous_response_id: this server keeps no responses", code="not_supported")
        earlier = await held.continuity.earlier(body, principal)
    return (await planned(held, lambda: plan_responses(body, principal, held.settings, held.kit, earlier))).plan


def _as_estimated(plan: RunPlan, kit: Kit) -> FusionConfig:
    settled = settle(kit, plan.config)
    if not settled.may_deliberate:  # the calling model alone: no panel is asked
        return settled.model_copy(update={"panel": [writer_of(settled)], "tool_choice": "none"})
    return settled.model_copy(update={"tool_choice": "required"}) if settled.tool_choice == FUSION else settled
