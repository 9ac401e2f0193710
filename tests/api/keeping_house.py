"""An app that stores what it is asked to, and how its tests follow a run."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from api_house import ALPHA, BETA, FUSE, JUDGE, QUESTION, WRITER, serving
from fastapi import FastAPI

from fusion_graph import Resources
from fusion_graph.server.app import create_app
from fusion_graph.server.principal import Principal
from fusion_graph.server.services import OpenGate
from fusion_graph.server.settings import ServerSettings
from fusion_graph.testing import ScriptedServer, Text

NEVER = Text("too late", delay=60)
"""What hangs until its client is gone."""
ENDED = ("completed", "incomplete", "failed", "cancelled")


class NamedGate(OpenGate):
    """A gate that takes the key for the owner's name."""

    async def principal(self, connection: Any) -> Principal:
        name = connection.headers.get("authorization", "Bearer anonymous").removeprefix("Bearer ")
        return Principal(id=name, name=name)


@dataclass
class Keeper:
    """A running app that stores.

    Attributes:
        url: Its address.
        app: The app itself.
        models: The scripted model server behind it.
        settings: Its settings.
    """

    url: str
    app: FastAPI
    models: ScriptedServer
    settings: ServerSettings

    def counts(self) -> dict[str, int]:
        """How often each model was asked."""
        return {model: len(self.models.calls_of(model)) for model in (ALPHA, BETA, JUDGE, WRITER)}


def asks(**more: Any) -> dict[str, Any]:
    """A Responses request that always deliberates."""
    return {"model": WRITER, "input": QUESTION, "plugins": [FUSE], **more}


@contextmanager
def keeping_app(models: ScriptedServer, database: str | Path, **settings: Any) -> Iterator[Keeper]:
    """Run an app that stores in this database; its gate lets everybody in under the name they say."""
    chosen = ServerSettings(database=str(database), **settings)
    resources = Resources.from_env({"FUSION_GATEWAY_URL": models.base_url})
    app = create_app(chosen, resources, gate=NamedGate(), keep=True, mcp=False)
    with serving(app) as url:
        yield Keeper(url, app, models, chosen)


async def created(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    """Create a response, and return it."""
    response = await client.post("/v1/responses", json=asks(**more))
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    return told


async def fetched(client: httpx.AsyncClient, response_id: str, **how: Any) -> dict[str, Any]:
    """Fetch a response."""
    response = await client.get(f"/v1/responses/{response_id}", **how)
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    return told


async def ended(client: httpx.AsyncClient, response_id: str, seconds: float = 30.0, **how: Any) -> dict[str, Any]:
    """Wait for a response's end, and return it."""
    deadline = time.monotonic() + seconds
    while True:
        told = await fetched(client, response_id, **how)
        if told["status"] in ENDED:
            return told
        assert time.monotonic() < deadline, told["status"]
        await asyncio.sleep(0.05)


async def followed(
    client: httpx.AsyncClient, response_id: str, starting_after: int | None = None, most: int | None = None
) -> list[dict[str, Any]]:
    """Follow a run's events to the end, or leave after so many."""
    params: dict[str, Any] = {"stream": "true"}
    if starting_after is not None:
        params["starting_after"] = starting_after
    events: list[dict[str, Any]] = []
    async with client.stream("GET", f"/v1/responses/{response_id}", params=params) as response:
        assert response.status_code == 200, await response.aread()
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                events.append(json.loads(line.removeprefix("data: ")))
            if most is not None and len(events) >= most:
                break
    return events


def numbers(events: list[dict[str, Any]]) -> list[int]:
    """The sequence numbers."""
    return [event["sequence_number"] for event in events]


def text_of(response: dict[str, Any]) -> str:
    """The answer."""
    messages = [item for item in response["output"] if item["type"] == "message"]
    return "".join(part["text"] for part in messages[-1]["content"]) if messages else ""


def bearer(name: str) -> dict[str, str]:
    """Headers of an owner."""
    return {"authorization": f"Bearer {name}"}
