"""Planning without a server: one operator, one client, and requests as they come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from langchain_core.messages import AnyMessage
from langchain_core.tools import tool

from fusion_graph import Gateway, Resources
from fusion_graph.kit import Kit
from fusion_graph.server.errors import ApiError
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.planning import plan_chat, plan_messages, plan_responses
from fusion_graph.server.principal import Principal
from fusion_graph.server.settings import ServerSettings

GATEWAY = Resources(gateway=Gateway("http://127.0.0.1:9/v1", ""))
QUESTION = "Do carbon taxes lower emissions?"
ASKED: list[dict[str, Any]] = [{"role": "user", "content": QUESTION}]
FUNCTION = {"type": "function", "function": {"name": "lookup", "parameters": {"type": "object", "properties": {}}}}


@tool
def ledger(entry: str) -> str:
    """Look something up in the operator's ledger."""
    return entry


class Desk:
    """Plans requests for one client."""

    def __init__(
        self,
        resources: Resources = GATEWAY,
        settings: ServerSettings | None = None,
        presets: tuple[str, ...] | None = None,
    ) -> None:
        self.kit = Kit(resources=resources)
        self.settings = settings or ServerSettings()
        self.principal = Principal("key_1", "tests", presets)

    def chat(self, **body: Any) -> RunPlan:
        body = {"model": "openrouter/fusion", "messages": ASKED, **body}
        return plan_chat(body, self.principal, self.settings, self.kit).plan

    def respond(self, earlier: Sequence[AnyMessage] = (), **body: Any) -> RunPlan:
        body = {"model": "openrouter/fusion", "input": QUESTION, **body}
        return plan_responses(body, self.principal, self.settings, self.kit, earlier).plan

    def message(self, **body: Any) -> RunPlan:
        body = {"model": "openrouter/fusion", "messages": ASKED, "max_tokens": 100, **body}
        return plan_messages(body, self.principal, self.settings, self.kit).plan

    def refusal(self, **body: Any) -> ApiError:
        return refused(self.chat, **body)


def refused(plan: Any, **body: Any) -> ApiError:
    """The error that a request gets."""
    try:
        plan(**body)
    except ApiError as error:
        return error
    raise AssertionError(f"this was planned: {body}")


def plugin(**fields: Any) -> list[dict[str, Any]]:
    """The plugin with these fields."""
    return [{"id": "fusion", **fields}]


def with_tools(resources: Resources = GATEWAY) -> Resources:
    """The same operator, who gave a tool in Python."""
    return replace(resources, tools=[ledger])
