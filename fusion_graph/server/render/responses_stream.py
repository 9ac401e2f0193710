"""A run as the events of a Response, as it goes on; and the Response as it stands at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fusion_graph.server.errors import ApiError
from fusion_graph.server.failed_runs import failed
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.render.fusion_events import PREFIX, FusionEvents
from fusion_graph.server.render.items import call_item, fusion_item, new_id, web_item
from fusion_graph.server.render.record import SERVER_TOOL
from fusion_graph.server.render.responses import Heading, ending, response_error
from fusion_graph.server.render.result import Result
from fusion_graph.server.render.spoken import Spoken
from fusion_graph.server.render.tally import WEB_FETCH, WEB_SEARCH
from fusion_graph.server.render.transcript import replayed
from fusion_graph.server.render.usage import usage_so_far
from fusion_graph.server.run_events import (
    AnswerDelta,
    AnswerReasoning,
    Deliberated,
    Ended,
    RunEvent,
    SeatToolCall,
    SeatToolResult,
    Started,
    WriterStarted,
)

Wire = list[dict[str, Any]]
_WEB_ITEMS = (f"openrouter:{WEB_SEARCH}", f"openrouter:{WEB_FETCH}")


class ResponsesStream:
    """Makes the events of one Response.

    Args:
        plan: What was asked.
        response_id: `resp_...`.
        created_at: Unix time in seconds.
        background: Whether the run goes on without its client.
        restored: The events made before a restart, in their order: numbers and items go on from there.

    Attributes:
        result: The finished run, once it has ended in this process.
    """

    def __init__(
        self,
        plan: RunPlan,
        response_id: str,
        created_at: int,
        background: bool = False,
        restored: Sequence[dict[str, Any]] = (),
    ) -> None:
        self._heading = Heading(plan, response_id, created_at, background)
        self._told = replayed(restored)
        self._fusion = FusionEvents()
        for event in restored:
            self._fusion.recall(event)
        self._model = plan.config.writer or plan.requested_model
        self._spoken = Spoken(self._told, self._event)
        self._searching: dict[str, tuple[int, SeatToolCall, str]] = {}
        self.result: Result | None = None

    @property
    def done(self) -> bool:
        """Whether the last event has been made."""
        return self._told.ended is not None

    def go_on(self) -> str:
        """Go on with a message whose stream is taken up in its middle; returns what it says so far."""
        return self._spoken.go_on()

    def response(self) -> dict[str, Any]:
        """Return the Response as it stands."""
        if self._told.ended is not None:
            return self._told.ended
        waiting = self._heading.background and self._told.next_sequence == 0
        return self._heading.response("queued" if waiting else "in_progress", self._told.items, self._model)

    def opening(self) -> Wire:
        """Return the events with which every stream begins; none once they were made."""
        if self._told.next_sequence:
            return []
        kinds = ["created", "queued", "in_progress"] if self._heading.background else ["created", "in_progress"]
        return [self._event(f"response.{kind}", response=self._state(kind)) for kind in kinds]

    def feed(self, event: RunEvent) -> Wire:
        """Take in one event of the run.

        Args:
            event: What happened.

        Returns:
            The events to send, numbered, in their order.
        """
        return [] if self.done else [*self.opening(), *self._feed(event)]

    def fail(self, error: ApiError) -> Wire:
        """End the stream with an error.

        Args:
            error: Why there is no more.
        """
        if self.done:
            return []
        more = {"error": response_error(error), **self._so_far()}
        return [*self.opening(), *self._broken_off(), self._last("failed", "failed", more)]

    def cancel(self) -> Wire:
        """End the stream of a cancelled run: the status is `cancelled`, the event is OpenAI's for a cut answer."""
        if self.done:
            return []
        return [*self.opening(), *self._broken_off("cancelled"), self._last("incomplete", "cancelled", self._so_far())]

    def _feed(self, event: RunEvent) -> Wire:
        match event:
            case AnswerDelta(text, turn):
                return self._spoken.text(text, turn)
            case AnswerReasoning(text):
                return self._spoken.reasoning(text)
            case Deliberated(panel):
                return self._closed(fusion_item(self._fusion_id(), panel))
            case Ended():
                return self._ended(event)
            case SeatToolCall(seat_id="caller") | SeatToolResult(seat_id="caller"):
                return self._searched(event) if isinstance(event, SeatToolResult) else self._search(event)
            case _:
                return self._panel(event)

    def _panel(self, event: RunEvent) -> Wire:
        told = self._fusion.of(event)
        if told is None:
            return []
        if isinstance(event, Started | WriterStarted):
            self._model = (event.writer if isinstance(event, Started) else event.model) or self._model
        if isinstance(event, Started):
            return self._opened(**told)
        return [*self._opened(), self._of_fusion(told)]

    def _opened(self, **facts: Any) -> Wire:
        """Open the fusion item, unless it is open; a message that was begun before it ends there."""
        if self._told.has(SERVER_TOOL):
            return []
        ended = self._spoken.end()
        item = fusion_item(new_id("st"), ended=False)
        at = len(self._told.items)
        added = self._event("response.output_item.added", output_index=at, item=item)
        return [*ended, added, self._of_fusion({**facts, "type": PREFIX + "in_progress"})]

    def _of_fusion(self, told: dict[str, Any]) -> dict[str, Any]:
        at = next(at for at, item in enumerate(self._told.items) if item["type"] == SERVER_TOOL)
        facts = {name: value for name, value in told.items() if name != "type"}
        return self._event(told["type"], item_id=self._told.items[at]["id"], output_index=at, **facts)

    def _fusion_id(self) -> str:
        return next((str(item["id"]) for item in self._told.items if item["type"] == SERVER_TOOL), new_id("st"))

    def _closed(self, item: dict[str, Any]) -> Wire:
        opened = self._opened()
        found = self._told.open_item(SERVER_TOOL)
        if found is None:
            return opened
        done = {**item, "id": found[1]["id"]}
        completed = self._of_fusion({"type": PREFIX + "completed"})
        return [*opened, completed, self._event("response.output_item.done", output_index=found[0], item=done)]

    def _search(self, event: SeatToolCall) -> Wire:
        if event.tool not in (WEB_SEARCH, WEB_FETCH):
            return []
        item_id, ended = new_id("st"), self._spoken.end()
        at = len(self._told.items)
        self._searching[event.tool_call_id] = at, event, item_id
        item = web_item(item_id, event.tool, event.arguments, (), "in_progress")
        return [*ended, self._event("response.output_item.added", output_index=at, item=item)]

    def _searched(self, event: SeatToolResult) -> Wire:
        at, call, item_id = self._searching.pop(event.tool_call_id, (-1, None, ""))
        if call is None:
            return []
        status = "incomplete" if event.status == "error" else "completed"
        item = web_item(item_id, call.tool, call.arguments, event.sources, status)
        return [self._event("response.output_item.done", output_index=at, item=item)]

    def _unanswered(self) -> Wire:
        """Close searches that never came back."""
        wire = []
        while (found := self._told.open_item(*_WEB_ITEMS)) is not None:
            item = {**found[1], "status": "incomplete"}
            wire.append(self._event("response.output_item.done", output_index=found[0], item=item))
        return wire

    def _ended(self, event: Ended) -> Wire:
        result = Result(self._heading.plan, event.output)
        self.result, self._model = result, result.model
        panel = result.panel
        wire = [] if panel is None else self._closed(fusion_item(self._fusion_id(), panel))
        status, more = ending(result, self._told.tally)
        if status == "failed":
            more["error"] = response_error(failed(result))
            return [*wire, *self._broken_off(), self._last("failed", "failed", more)]
        cut = "incomplete" if status == "incomplete" else "completed"
        wire += self._unanswered()
        wire += self._spoken.end(status=cut, annotations=result.annotations)
        for call in result.tool_calls:
            wire += self._call(call)
        return [*wire, self._last(status, status, more)]

    def _call(self, call: Any) -> Wire:
        at, begun = len(self._told.items), call_item(call, "in_progress")
        done = {**call_item(call, "completed"), "id": begun["id"]}
        place = {"item_id": begun["id"], "output_index": at}
        return [
            self._event("response.output_item.added", output_index=at, item=begun),
            self._event("response.function_call_arguments.delta", delta=done["arguments"], **place),
            self._event(
                "response.function_call_arguments.done", arguments=done["arguments"], name=call["name"], **place
            ),
            self._event("response.output_item.done", output_index=at, item=done),
        ]

    def _broken_off(self, reason: str = "unexpected_error") -> Wire:
        """Close what is open: nothing more comes."""
        wire = [*self._unanswered(), *self._spoken.end(status="incomplete")]
        found = self._told.open_item(SERVER_TOOL)
        if found is not None:
            item = {**fusion_item(str(found[1]["id"])), "failure_reason": reason}
            wire.append(self._event("response.output_item.done", output_index=found[0], item=item))
        return wire

    def _so_far(self) -> dict[str, Any]:
        return {"usage": usage_so_far(list(self._told.spent.values()), self._told.tally)}

    def _last(self, kind: str, status: str, more: dict[str, Any]) -> dict[str, Any]:
        response = self._heading.response(status, self._told.items, self._model, **more)
        return self._event(f"response.{kind}", response=response)

    def _state(self, kind: str) -> dict[str, Any]:
        queued = self._heading.background and kind != "in_progress"
        return self._heading.response("queued" if queued else "in_progress", self._told.items, self._model)

    def _event(self, kind: str, **facts: Any) -> dict[str, Any]:
        return self._told.note({"type": kind, "sequence_number": self._told.next_sequence, **facts})
