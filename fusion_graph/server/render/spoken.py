"""The message and reasoning items of a Response as they are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from fusion_graph.server.render.items import message_item, new_id, reasoning_item, text_part
from fusion_graph.server.render.transcript import Transcript


class MakeEvent(Protocol):
    """Makes a numbered event."""

    def __call__(self, kind: str, **facts: Any) -> dict[str, Any]:
        """Make it, and note it in the transcript."""


class Spoken:
    """What the writer, or the calling model, says.

    Args:
        told: What the stream has told so far.
        event: Makes events.
    """

    def __init__(self, told: Transcript, event: MakeEvent) -> None:
        self._told = told
        self._event = event
        self._turn: int | None = None

    def text(self, text: str, turn: int) -> list[dict[str, Any]]:
        """Tell a piece of text.

        Args:
            text: The piece.
            turn: Which message it belongs to; where another one is still open, that one broke off.
        """
        wire = []
        if self._turn != turn or self._told.open_item("reasoning"):
            broke_off = self._told.open_item("message") is not None
            wire += self.end(status="incomplete" if broke_off else "completed")
            self._turn = turn
        if self._told.open_item("message") is None:
            wire += self._begun()
        at, item = self._open("message")
        delta = self._event(
            "response.output_text.delta",
            item_id=item["id"],
            output_index=at,
            content_index=0,
            delta=text,
            logprobs=[],
        )
        return [*wire, delta]

    def go_on(self) -> str:
        """Go on with the message that was open before a restart, as the stream's first turn.

        Returns:
            What it says.
        """
        if self._told.open_item("message") is None:
            return ""
        self._turn = 0
        return self._told.answer

    def reasoning(self, text: str) -> list[dict[str, Any]]:
        """Tell a piece of reasoning."""
        wire = []
        if self._told.open_item("reasoning") is None:
            wire += self.end()
            at = len(self._told.items)
            item = reasoning_item(new_id("rs"), "in_progress")
            wire.append(self._event("response.output_item.added", output_index=at, item=item))
        at, item = self._open("reasoning")
        place = {"item_id": item["id"], "output_index": at, "content_index": 0}
        return [*wire, self._event("response.reasoning_text.delta", delta=text, **place)]

    def end(self, *, status: str = "completed", annotations: Sequence[dict[str, Any]] = ()) -> list[dict[str, Any]]:
        """Close the item that is being written, if there is one.

        Args:
            status: `completed`, or `incomplete` where it broke off or was cut.
            annotations: The citations of its text.
        """
        if (found := self._told.open_item("reasoning")) is not None:
            return self._reasoned(*found)
        if (found := self._told.open_item("message")) is None:
            return []
        self._turn = None
        at, item = found
        text = self._told.answer
        place = {"item_id": item["id"], "output_index": at, "content_index": 0}
        part = text_part(text, annotations)
        dumped = part.model_dump(mode="json", exclude_unset=True)
        cited = [
            self._event("response.output_text.annotation.added", annotation=one, annotation_index=n, **place)
            for n, one in enumerate(annotations)
        ]
        return [
            *cited,
            self._event("response.output_text.done", text=text, logprobs=[], **place),
            self._event("response.content_part.done", part=dumped, **place),
            self._event("response.output_item.done", output_index=at, item=message_item(item["id"], status, [part])),
        ]

    def _begun(self) -> list[dict[str, Any]]:
        at, item_id = len(self._told.items), new_id("msg")
        added = self._event("response.output_item.added", output_index=at, item=message_item(item_id, "in_progress"))
        part = text_part("").model_dump(mode="json", exclude_unset=True)
        place = {"item_id": item_id, "output_index": at, "content_index": 0}
        return [added, self._event("response.content_part.added", part=part, **place)]

    def _reasoned(self, at: int, item: dict[str, Any]) -> list[dict[str, Any]]:
        text = self._told.answer
        place = {"item_id": item["id"], "output_index": at, "content_index": 0}
        done = reasoning_item(item["id"], "completed", text)
        return [
            self._event("response.reasoning_text.done", text=text, **place),
            self._event("response.output_item.done", output_index=at, item=done),
        ]

    def _open(self, kind: str) -> tuple[int, dict[str, Any]]:
        found = self._told.open_item(kind)
        if found is None:
            raise RuntimeError(f"no {kind} item is open")
        return found
