"""Chat completions as plain JSON, in place of the OpenAI SDK's typed resource: LangChain has types of its own.

The SDK compares every field that is sent, every answer and every piece of a stream with its types, which takes more
CPU than sending them, and LangChain makes plain JSON of the result again. So the SDK sends, retries, streams and raises
here as ever, and leaves what is sent and what comes as it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
from openai import AsyncOpenAI, AsyncStream

from fusion_graph.errors import UnreadableAnswerError

_PATH = "/chat/completions"
_OPTIONS = {"extra_headers": "headers", "extra_query": "params", "extra_body": "extra_json", "timeout": "timeout"}
"""What the SDK's methods call its options of a request, and what its client calls them."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that is not streamed.

    Attributes:
        http_response: The whole response.
    """

    http_response: httpx2.Response

    @property
    def headers(self) -> Mapping[str, str]:
        """The response's headers."""
        return self.http_response.headers

    def parse(self) -> Any:
        """Return the JSON of the body; a page of text, such as a proxy's of an error, as a string.

        Raises:
            UnreadableAnswerError: The body says that it is JSON, and cannot be read as such.
        """
        try:
            return self.http_response.json()
        except (ValueError, RecursionError) as error:
            if self.headers.get("content-type", "").partition(";")[0].endswith("json"):
                raise UnreadableAnswerError(f"the answer is no JSON that can be read: {error}") from error
            return self.http_response.text


class Chunks(AsyncStream[object]):
    """The chunks of a stream, each a JSON object."""

    def __aiter__(self) -> AsyncIterator[Any]:
        """Return itself."""
        return self

    async def __anext__(self) -> Any:
        """Return the next chunk.

        Raises:
            UnreadableAnswerError: What comes next is no JSON object.
        """
        try:
            chunk = await super().__anext__()
        except (ValueError, RecursionError) as error:
            raise UnreadableAnswerError(f"a chunk is no JSON that can be read: {error}") from error
        if not isinstance(chunk, dict):
            raise UnreadableAnswerError(f"a chunk is no JSON object: {str(chunk)[:80]}")
        return chunk


@dataclass(frozen=True, slots=True)
class PlainCompletions:
    """What LangChain uses of the SDK's `client.chat.completions`.

    Attributes:
        client: The SDK's client.
    """

    client: AsyncOpenAI

    @property
    def with_raw_response(self) -> _Raw:
        """Answers that are not streamed."""
        return _Raw(self.client)

    async def create(self, **payload: Any) -> Chunks:
        """Open a stream.

        Args:
            **payload: The fields of the request's body, and the SDK's `extra_headers`, `extra_query`, `extra_body`
                and `timeout`.

        Returns:
            The chunks, as JSON objects.

        Raises:
            openai.APIError: As from the SDK's own method.
        """
        return await self.client.post(_PATH, cast_to=object, stream=True, stream_cls=Chunks, **_request(payload))


@dataclass(frozen=True, slots=True)
class _Raw:
    client: AsyncOpenAI

    async def create(self, **payload: Any) -> Answered:
        """Ask for a whole answer; takes and raises what `PlainCompletions.create` does."""
        return Answered(await self.client.post(_PATH, cast_to=httpx2.Response, **_request(payload)))


def _request(payload: dict[str, Any]) -> dict[str, Any]:
    options = {theirs: payload[name] for name, theirs in _OPTIONS.items() if payload.get(name) is not None}
    return {"body": {name: value for name, value in payload.items() if name not in _OPTIONS}, "options": options}
