"""From a request's body to a plan: pure and fast, no model is called.

`plan_chat`, `plan_responses` and `plan_messages` raise `ApiError` for whatever cannot be planned. Before a plan is
run or stored, `detected` names the models of one that leaves them to what the server finds.
"""

from __future__ import annotations

from fusion_graph.server.planning.anthropic import plan_messages
from fusion_graph.server.planning.chat import plan_chat
from fusion_graph.server.planning.detected import detected
from fusion_graph.server.planning.plans import ChatPlan, MessagesPlan, ResponsesPlan
from fusion_graph.server.planning.responses import continues, plan_responses

__all__ = [
    "ChatPlan",
    "MessagesPlan",
    "ResponsesPlan",
    "continues",
    "detected",
    "plan_chat",
    "plan_messages",
    "plan_responses",
]
