"""`previous_response_id` and `conversation`: going on from what was said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from api_house import ALPHA, ANSWER, AUTO, QUESTION, WRITER, convenes
from keeping_house import NEVER, Keeper, asks, bearer, created, ended, text_of
from openai import AsyncOpenAI

from fusion_graph.testing import Fault, ToolCall

WEATHER = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}, "strict": False}


@pytest.fixture
async def client(keeper: Keeper) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=keeper.url, timeout=30) as connected:
        yield connected


def seen(keeper: Keeper, model: str = WRITER) -> list[tuple[str, str]]:
    """What the model was last shown: role and text of each message."""
    return [(m["role"], str(m.get("content") or "")) for m in keeper.models.calls_of(model)[-1].messages]


async def refused(client: httpx.AsyncClient, status: int, **more: Any) -> dict[str, Any]:
    response = await client.post("/v1/responses", json=asks(**more))
    assert response.status_code == status, response.text
    told: dict[str, Any] = response.json()["error"]
    return told


async def test_a_response_goes_on_from_an_earlier_one_with_its_panel_s_result(
    keeper: Keeper, client: httpx.AsyncClient
) -> None:
    keeper.models.on(WRITER, convenes(ANSWER))
    first = await created(client, plugins=[AUTO], instructions="Be brief.")
    keeper.models.on(WRITER, "Quite sure.")
    second = await created(client, plugins=[AUTO], input="Sure?", previous_response_id=first["id"])
    assert second["previous_response_id"] == first["id"]
    assert text_of(second) == "Quite sure."
    told = seen(keeper)
    texts = [text for _, text in told]
    assert any(QUESTION in text for text in texts)
    assert ANSWER in texts
    assert any(role == "tool" and "It does, by a fifth." in text for role, text in told)
    assert not any("Be brief." in text for text in texts), "instructions are of their turn alone"
    assert len(keeper.models.calls_of(ALPHA)) == 1
    keeper.models.on(WRITER, "Very.")
    await created(client, plugins=[AUTO], input="Really?", previous_response_id=second["id"])
    assert "Quite sure." in [text for _, text in seen(keeper)]
    assert ANSWER in [text for _, text in seen(keeper)]


async def test_a_client_s_tool_call_goes_on_with_its_output_alone(keeper: Keeper, client: httpx.AsyncClient) -> None:
    keeper.models.on(
        WRITER, lambda call: f"It is {call.tool_results[0]}." if call.tool_results else ToolCall("weather", {"a": 1})
    )
    first = await created(client, plugins=[AUTO], tools=[WEATHER])
    [call] = first["output"]
    done = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
    second = await created(client, plugins=[AUTO], tools=[WEATHER], input=[done], previous_response_id=first["id"])
    assert text_of(second) == "It is sunny."


async def test_what_cannot_be_gone_on_from_is_refused_by_name(keeper: Keeper, client: httpx.AsyncClient) -> None:
    ada = (await client.post("/v1/responses", json=asks(), headers=bearer("ada"))).json()
    keeper.models.on(WRITER, ANSWER)
    for unknown in (ada["id"], "resp_none"):
        told = await refused(client, 404, previous_response_id=unknown)
        assert (told["param"], told["code"]) == ("previous_response_id", "previous_response_not_found")
    not_kept = await created(client, store=False)
    await refused(client, 404, previous_response_id=not_kept["id"])
    assert (await refused(client, 404, conversation="conv_none"))["param"] == "conversation"
    keeper.models.on(ALPHA, NEVER)
    running = await created(client, background=True)
    assert "under way" in (await refused(client, 409, previous_response_id=running["id"]))["message"]
    await client.post(f"/v1/responses/{running['id']}/cancel")
    assert "cancelled" in (await refused(client, 409, previous_response_id=running["id"]))["message"]
    assert len(keeper.models.calls_of(WRITER)) == 2, "of the two that were answered"


async def test_a_conversation_gathers_questions_and_answers(keeper: Keeper, client: httpx.AsyncClient) -> None:
    items = [{"role": "user", "content": "I live in Norway."}]
    made = (await client.post("/v1/conversations", json={"items": items, "metadata": {"a": "b"}})).json()
    assert (made["object"], made["metadata"]) == ("conversation", {"a": "b"})
    keeper.models.on(WRITER, "First.", "Second.", "Third.")
    first = await created(client, conversation=made["id"])
    assert first["conversation"] == {"id": made["id"]}
    await created(client, conversation={"id": made["id"]}, input="And in Sweden?", store=False)
    third = await created(client, conversation=made["id"], input="And here?", background=True)
    assert text_of(await ended(client, third["id"])) == "Third."
    listed = (await client.get(f"/v1/conversations/{made['id']}/items", params={"order": "asc", "limit": 100})).json()
    kinds = [(item["type"], item.get("role")) for item in listed["data"]]
    turn = [("message", "user"), ("openrouter:fusion", None), ("message", "assistant")]
    assert kinds == [("message", "user"), *turn, *turn, *turn]
    whole = "\n".join(text for _, text in seen(keeper))
    assert whole.index("I live in Norway.") < whole.index("First.") < whole.index("Second.")


async def test_a_failed_run_adds_nothing_to_its_conversation(keeper: Keeper, client: httpx.AsyncClient) -> None:
    made = (await client.post("/v1/conversations", json={})).json()
    keeper.models.on(ALPHA, Fault(401)).on("bolt/beta", Fault(401))
    await refused(client, 502, conversation=made["id"])
    assert (await client.get(f"/v1/conversations/{made['id']}/items")).json()["data"] == []


async def test_a_conversation_takes_one_run_at_a_time(keeper: Keeper, client: httpx.AsyncClient) -> None:
    made = (await client.post("/v1/conversations", json={})).json()
    keeper.models.on(ALPHA, NEVER)
    running = await created(client, background=True, conversation=made["id"])
    told = await refused(client, 409, conversation=made["id"], background=True)
    assert (told["code"], told["param"]) == ("conversation_locked", "conversation")
    await client.post(f"/v1/responses/{running['id']}/cancel")
    keeper.models.on(ALPHA, "It does.")
    assert (await created(client, conversation=made["id"]))["status"] == "completed"


async def test_conversations_by_the_openai_sdk(keeper: Keeper) -> None:
    async with AsyncOpenAI(base_url=f"{keeper.url}/v1", api_key="sdk", max_retries=0) as sdk:
        made = await sdk.conversations.create(metadata={"topic": "tax"}, items=[{"role": "user", "content": "Hi"}])
        assert (await sdk.conversations.retrieve(made.id)).metadata == {"topic": "tax"}
        changed = await sdk.conversations.update(made.id, metadata={"topic": "co2"})
        assert changed.metadata == {"topic": "co2"}
        added = await sdk.conversations.items.create(made.id, items=[{"role": "user", "content": "There"}])
        [item] = added.data
        items = await sdk.conversations.items.list(made.id, order="asc")
        assert [entry.type for entry in items.data] == ["message", "message"]
        assert (await sdk.conversations.items.retrieve(str(item.id), conversation_id=made.id)).type == "message"
        await sdk.conversations.items.delete(str(item.id), conversation_id=made.id)
        assert len((await sdk.conversations.items.list(made.id)).data) == 1
        assert (await sdk.conversations.delete(made.id)).deleted is True


async def test_one_owner_never_sees_another_s_conversation(keeper: Keeper, client: httpx.AsyncClient) -> None:
    del keeper
    items = [{"role": "user", "content": "My secret."}]
    made = (await client.post("/v1/conversations", json={"items": items}, headers=bearer("ada"))).json()
    path = f"/v1/conversations/{made['id']}"
    [item] = (await client.get(f"{path}/items", headers=bearer("ada"))).json()["data"]
    tries: list[tuple[str, str, Any]] = [
        ("GET", path, None),
        ("POST", path, {"metadata": {}}),
        ("DELETE", path, None),
        ("GET", f"{path}/items", None),
        ("POST", f"{path}/items", {"items": items}),
        ("GET", f"{path}/items/{item['id']}", None),
        ("DELETE", f"{path}/items/{item['id']}", None),
    ]
    for method, where, body in tries:
        response = await client.request(method, where, json=body, headers=bearer("bob"))
        assert response.status_code == 404, (method, where, response.text)
        assert "secret" not in response.text
    await refused(client, 404, conversation=made["id"])
    assert len((await client.get(f"{path}/items", headers=bearer("ada"))).json()["data"]) == 1


async def test_bad_conversations_are_refused_by_name(keeper: Keeper, client: httpx.AsyncClient) -> None:
    del keeper
    for body, param in (
        ({"item": []}, "item"),
        ({"items": [{"type": "x"}]}, "items[0]"),
        ({"metadata": 1}, "metadata"),
    ):
        response = await client.post("/v1/conversations", json=body)
        assert (response.status_code, response.json()["error"]["param"]) == (400, param)
