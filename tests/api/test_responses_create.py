"""`POST /v1/responses`, whole."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from api_house import ALPHA, ANSWER, AUTO, BETA, DRAFTS, FUSE, JUDGE, QUESTION, WRITER, Api, convenes
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseUsage
from openrouter.components import OpenResponsesResult, OutputFusionServerToolItem

from fusion_graph.testing import Fault, Text, ToolCall, Usage

WEATHER = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}, "strict": False}


async def post(client: httpx.AsyncClient, body: dict[str, Any], status: int = 200) -> Any:
    response = await client.post("/v1/responses", json=body)
    assert response.status_code == status, response.text
    return response.json()


async def test_a_response_holds_the_fusion_and_the_message(api: Api, client: httpx.AsyncClient) -> None:
    told = await post(client, api.asks())
    fusion, message = told["output"]
    assert (told["status"], told["object"], told["model"]) == ("completed", "response", WRITER)
    item = OutputFusionServerToolItem.model_validate(fusion)
    assert (item.type, item.status) == ("openrouter:fusion", "completed")
    assert item.analysis is not None
    assert item.analysis.consensus == ["It does."]
    assert {entry["model"]: entry["content"] for entry in fusion["responses"]} == DRAFTS
    assert [entry["seat_id"] for entry in fusion["responses"]] == ["seat-1", "seat-2"]
    assert fusion["id"].startswith("st_")
    assert ResponseOutputMessage.model_validate(message).content[0].text == ANSWER  # type: ignore[union-attr]
    assert told["fusion"]["receipt"]["status"] == "ok"
    assert "responses" not in told["fusion"]


async def test_openrouter_s_own_type_takes_the_whole_response(api: Api, client: httpx.AsyncClient) -> None:
    tools = [{"type": "openrouter:fusion", "parameters": {"analysis_models": [ALPHA, BETA], "mode": "fuse"}}]
    told = await post(client, api.asks(plugins=None, tools=tools, metadata={"for": "test"}, temperature=0.5))
    result = OpenResponsesResult.model_validate(told)
    assert result.output[0].type == "openrouter:fusion"
    assert (told["metadata"], told["temperature"]) == ({"for": "test"}, 0.5)
    assert told["tools"] == tools


async def test_the_usage_is_that_of_the_whole_run(api: Api, client: httpx.AsyncClient) -> None:
    for model, text in {**DRAFTS, WRITER: ANSWER}.items():
        api.models.on(model, Text(text, usage=Usage(10, 5, cached_tokens=1, reasoning_tokens=2, cost=0.5)))
    usage = (await post(client, api.asks()))["usage"]
    ResponseUsage.model_validate(usage)
    assert usage["input_tokens_details"]["cached_tokens"] == 3
    assert usage["output_tokens_details"]["reasoning_tokens"] == 6
    assert (usage["cost"], usage["cost_at_least"]) == (1.5, True), "the judge's cost is not known"


async def test_a_panel_that_failed_is_incomplete_and_the_calling_model_answers_without_it(
    api: Api, client: httpx.AsyncClient
) -> None:
    api.models.on(ALPHA, Fault(402)).on(BETA, Fault(402)).on(WRITER, convenes("Without a panel: it does."))
    told = await post(client, api.asks(plugins=[AUTO]))
    fusion, message = told["output"]
    assert (fusion["status"], fusion["failure_reason"]) == ("incomplete", "insufficient_credits")
    assert fusion["error"]
    assert [failed["model"] for failed in fusion["failed_models"]] == [ALPHA, BETA]
    OutputFusionServerToolItem.model_validate(fusion)
    assert message["content"][0]["text"] == "Without a panel: it does."
    assert told["status"] == "completed"
    assert told["fusion"]["failure_reason"] == "insufficient_credits"


async def test_a_failed_judge_leaves_the_drafts_and_its_reason(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(JUDGE, "prose")
    fusion = (await post(client, api.asks()))["output"][0]
    assert (fusion["status"], fusion["failure_reason"]) == ("completed", "judge_not_valid_json")
    assert "analysis" not in fusion
    assert len(fusion["responses"]) == 2


async def test_a_fusion_item_sent_back_spares_the_panel(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(WRITER, convenes(ANSWER))
    first = await post(client, api.asks(plugins=[AUTO]))
    asked = len(api.models.calls_of(ALPHA))
    api.models.on(WRITER, "Quite sure.")
    history = [{"role": "user", "content": QUESTION}, *first["output"], {"role": "user", "content": "Sure?"}]
    told = await post(client, api.asks(plugins=[AUTO], input=history))
    assert told["output"][-1]["content"][0]["text"] == "Quite sure."
    assert len(api.models.calls_of(ALPHA)) == asked
    assert any("It does, by a fifth." in text for text in api.models.calls_of(WRITER)[-1].tool_results)


async def test_a_call_of_the_client_s_tool_is_an_item_and_goes_on_with_its_output(
    api: Api, client: httpx.AsyncClient
) -> None:
    api.models.on(
        WRITER, lambda call: f"It is {call.tool_results[0]}." if call.tool_results else ToolCall("weather", {"a": 1})
    )
    told = await post(client, api.asks(plugins=[AUTO], tools=[WEATHER]))
    [call] = told["output"]
    ResponseFunctionToolCall.model_validate(call)
    assert (call["type"], call["name"], call["arguments"], call["status"]) == (
        "function_call",
        "weather",
        '{"a": 1}',
        "completed",
    )
    done = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
    history = [{"role": "user", "content": QUESTION}, call, done]
    again = await post(client, api.asks(plugins=[AUTO], tools=[WEATHER], input=history))
    assert again["output"][0]["content"][0]["text"] == "It is sunny."


async def test_an_answer_cut_at_its_limit_is_incomplete(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(WRITER, Text("On balance", finish_reason="length"))
    told = await post(client, api.asks())
    assert told["status"] == "incomplete"
    assert told["incomplete_details"] == {"reason": "max_output_tokens"}
    assert told["output"][-1]["status"] == "incomplete"


async def test_an_analysis_alone_has_no_message(api: Api, client: httpx.AsyncClient) -> None:
    told = await post(client, api.asks(plugins=[{**FUSE, "mode": "analyze"}]))
    assert [item["type"] for item in told["output"]] == ["openrouter:fusion"]


async def test_a_run_without_an_answer_is_an_error_and_is_kept_as_failed(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(ALPHA, Fault(401)).on(BETA, Fault(401))
    error = (await post(client, api.asks(), 502))["error"]
    assert error["failure_reason"] == "all_panels_failed"
    [(_, _, response)] = api.kept.responses
    assert (response["status"], response["error"]["failure_reason"]) == ("failed", "all_panels_failed")


@pytest.mark.parametrize(("store", "kept"), [(None, 1), (True, 1), (False, 0)])
async def test_a_response_is_kept_unless_it_shall_not_be(
    api: Api, client: httpx.AsyncClient, store: bool | None, kept: int
) -> None:
    told = await post(client, api.asks(**({} if store is None else {"store": store})))
    assert len(api.kept.responses) == kept
    for asked, body, response in api.kept.responses:
        assert response == told
        assert body["input"] == QUESTION
        assert asked.plan.owner == "anonymous"
    assert [record["id"] for _, record in api.kept.generations] == [told["id"]]


async def test_what_this_server_does_not_keep_is_refused_by_name(api: Api, client: httpx.AsyncClient) -> None:
    for field, value in (("previous_response_id", "resp_1"), ("conversation", "conv_1"), ("background", True)):
        error = (await post(client, api.asks(**{field: value}), 400))["error"]
        assert error["param"] == field
    assert api.models.calls == []
