"""`Idempotency-Key`: the same request under the same key runs once, to whichever process it is sent."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from typing_extensions import override

from fusion_graph.server.disconnects import while_connected
from fusion_graph.server.errors import ApiError
from fusion_graph.server.principal import Principal
from fusion_graph.server.records.claims import Claim, Claims

HEADER = "idempotency-key"
MOST_CHARACTERS = 255
LOOK_SECONDS = 0.2
"""How often a request looks whether the one before it has ended."""
REPLAYED = {"idempotent-replayed": "true"}


@dataclass(frozen=True, slots=True)
class Once:
    """One request under a key.

    Attributes:
        claims: The keys.
        request: The request, whose body was read.
        principal: Who asks.
        body: The body.
    """

    claims: Claims
    request: Request
    principal: Principal
    body: dict[str, Any]

    async def answer(
        self,
        answer: Callable[[tuple[str, str] | None], Awaitable[Response]],
        again: Callable[[str], Awaitable[Response]] | None = None,
    ) -> Response:
        """Answer the request, or give back what its key stands for.

        Args:
            answer: Answers it; is given owner and key, `None` where the request has no key.
            again: Gives back a Response that runs in the background, by its id.

        Returns:
            The answer; one that is given back has the header `idempotent-replayed`.

        Raises:
            ApiError: 400: the key is too long; 422: it was used for another request.
        """
        key = self.request.headers.get(HEADER)
        if key is None:
            return await answer(None)
        if not key or len(key) > MOST_CHARACTERS:
            told = f"Idempotency-Key: it has {len(key)} characters; 1 to {MOST_CHARACTERS} are allowed"
            raise ApiError(400, told, code="invalid_value", param="Idempotency-Key")
        holder = uuid4().hex
        held = await while_connected(self.request, self._taken(key, holder))
        if held is not None:
            return await self._given_back(held, again)
        try:
            made = await answer((self.principal.id, key))
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.claims.release(holder)
            raise
        in_background = again is not None and self.body.get("background") is True
        return made if in_background else Taped(made, self.claims, holder)

    async def _taken(self, key: str, holder: str) -> Claim | None:
        digest = self._digest()
        while True:
            held = await self.claims.take(self.principal.id, key, digest, holder)
            if held is None:
                return None
            if held.body_hash != digest:
                told = "Idempotency-Key: it was used for another request; a new request needs a new key"
                raise ApiError(422, told, code="idempotency_key_reused", param="Idempotency-Key")
            if held.reply is not None or held.response_id is not None:
                return held
            await asyncio.sleep(LOOK_SECONDS)

    def _digest(self) -> str:
        asked = json.dumps([self.request.url.path, self.body], sort_keys=True)
        return hashlib.sha256(asked.encode()).hexdigest()

    async def _given_back(self, held: Claim, again: Callable[[str], Awaitable[Response]] | None) -> Response:
        if held.reply is None:
            if again is None or held.response_id is None:
                raise ApiError(409, "Idempotency-Key: its request was answered elsewhere", code="idempotency_conflict")
            response = await again(held.response_id)
        else:
            response = Response(held.reply.encode(), media_type=held.media_type)
            if held.generation_id:
                response.headers["x-generation-id"] = held.generation_id
        response.headers.update(REPLAYED)
        return response


class Taped(Response):
    """A response that is kept as it is sent; the key is free again where it did not come to its end, or failed.

    Args:
        inner: The response.
        claims: The keys.
        holder: The request's name.
    """

    def __init__(self, inner: Response, claims: Claims, holder: str) -> None:
        super().__init__()
        self._inner, self._claims, self._holder = inner, claims, holder
        self._tape = bytearray()
        self._failed = self._ended = False

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def heard(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._failed = message["status"] >= 400
            elif message["type"] == "http.response.body":
                self._hear(message)
            await send(message)

        try:
            await self._inner(scope, receive, heard)
        finally:
            with anyio.CancelScope(shield=True):
                await self._kept()

    def _hear(self, message: Message) -> None:
        body = bytes(message.get("body", b""))
        if not body.startswith(b":"):
            self._tape += body
            self._failed = self._failed or _tells_failure(body)
        self._ended = not message.get("more_body", False)

    async def _kept(self) -> None:
        if self._failed or not self._ended:
            await self._claims.release(self._holder)
            return
        headers = self._inner.headers
        media_type = headers.get("content-type", "application/json")
        await self._claims.keep(self._holder, self._tape.decode(), media_type, headers.get("x-generation-id"))


def _tells_failure(frame: bytes) -> bool:
    """Whether a frame of a stream says that the run failed; a body that is no stream has its status for that."""
    for line in frame.split(b"\n"):
        if line.startswith(b"data: {"):
            told = json.loads(line.removeprefix(b"data: "))
            if told.get("error") or told.get("type") in ("error", "response.failed"):
                return True
    return False
