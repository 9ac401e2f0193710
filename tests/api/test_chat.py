"""`POST /v1/chat/completions`, whole."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from api_house import AGREED, ALPHA, ANSWER, AUTO, BETA, DRAFTS, FUSE, JUDGE, QUESTION, WRITER, Api, convenes
from openai.types.chat import ChatCompletion
from openrouter.components import ChatResult

from fusion_graph.testing import Fault, Text, ToolCall, Usage

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Look up the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


async def post(client: httpx.AsyncClient, body: dict[str, Any], status: int = 200) -> Any:
    response = await client.post("/v1/chat/completions", json=body)
    assert response.status_code == status, response.text
    return response.json()


async def test_a_fused_answer_is_a_completion_that_openai_s_and_openrouter_s_types_take(
    api: Api, client: httpx.AsyncClient
) -> None:
    told = await post(client, api.body())
    completion = ChatCompletion.model_validate(told)
    assert ChatResult.model_validate(told).choices[0].message.content == ANSWER
    assert completion.choices[0].message.content == ANSWER
    assert completion.choices[0].finish_reason == "stop"
    assert told["id"].startswith("chatcmpl-")


async def test_the_model_is_the_one_that_wrote_as_its_provider_names_it(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(WRITER, Text(ANSWER, served_model="echo/omega-0425"))
    assert (await post(client, api.body()))["model"] == "echo/omega-0425"


async def test_the_receipt_tells_who_did_what_and_what_each_part_cost(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(ALPHA, Text("a", usage=Usage(10, 5, cost=0.25))).on(BETA, Text("b", usage=Usage(10, 5, cost=0.5)))
    api.models.on(JUDGE, Text(AGREED, usage=Usage(10, 5, cost=1.0)))
    api.models.on(WRITER, Text(ANSWER, usage=Usage(10, 5, cached_tokens=4, reasoning_tokens=2, cost=2.0)))
    told = await post(client, api.body())
    field = told["fusion"]
    assert [(seat["seat_id"], seat["model"], seat["cost"]) for seat in field["seats"]] == [
        ("seat-1", ALPHA, 0.25),
        ("seat-2", BETA, 0.5),
    ]
    assert field["receipt"]["judge"]["usage"]["cost_usd"] == 1.0
    assert field["receipt"]["writer"]["usage"]["cost_usd"] == 2.0
    assert (field["deliberated"], field["mode"], field["surface"], field["status"]) == (True, "fuse", "plugin", "ok")
    usage = told["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (40, 20, 60)
    assert usage["prompt_tokens_details"] == {"cached_tokens": 4}
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 2}
    assert (usage["cost"], usage["cost_at_least"], usage["is_byok"]) == (3.75, False, False)


async def test_an_unknown_cost_is_null_and_never_nothing(api: Api, client: httpx.AsyncClient) -> None:
    usage = (await post(client, api.body()))["usage"]
    assert usage["cost"] is None
    assert usage["cost_at_least"] is True
    assert usage["cost_details"] is None


async def test_a_cost_known_in_part_is_a_lower_bound_and_says_so(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(ALPHA, Text("a", usage=Usage(cost=0.25)))
    usage = (await post(client, api.body()))["usage"]
    assert (usage["cost"], usage["cost_at_least"]) == (0.25, True)


async def test_without_any_reported_token_there_is_no_usage(api: Api, client: httpx.AsyncClient) -> None:
    for model, text in {**DRAFTS, JUDGE: AGREED, WRITER: ANSWER}.items():
        api.models.on(model, Text(text, usage=None))
    told = await post(client, api.body())
    assert told["usage"] is None
    ChatCompletion.model_validate(told)


async def test_the_record_of_the_fusion_stands_in_the_reasoning_details(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(WRITER, convenes(ANSWER))
    told = await post(client, api.body(plugins=[AUTO]))
    [record] = told["choices"][0]["message"]["reasoning_details"]
    assert (record["type"], record["tool_name"]) == ("reasoning.server_tool_call", "openrouter:fusion")
    assert json.loads(record["arguments"]) == {"prompt": QUESTION}
    result = json.loads(record["result"])
    assert result["status"] == "ok"
    assert result["analysis"]["consensus"] == ["It does."]
    assert {entry["model"]: entry["content"] for entry in result["responses"]} == DRAFTS
    assert ChatResult.model_validate(told).choices[0].message.reasoning_details[0].tool_name == "openrouter:fusion"


async def test_a_record_sent_back_spares_the_panel(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(WRITER, convenes(ANSWER))
    first = (await post(client, api.body(plugins=[AUTO])))["choices"][0]["message"]
    asked = len(api.models.calls_of(ALPHA))
    messages = [{"role": "user", "content": QUESTION}, first, {"role": "user", "content": "Sure?"}]
    api.models.on(WRITER, "Quite sure.")
    told = await post(client, api.body(plugins=[AUTO], messages=messages))
    assert told["choices"][0]["message"]["content"] == "Quite sure."
    assert told["fusion"]["deliberated"] is False
    assert len(api.models.calls_of(ALPHA)) == asked
    assert any("It does, by a fifth." in text for text in api.models.calls_of(WRITER)[-1].tool_results)


async def test_what_a_calling_model_says_before_it_asks_the_panel_is_part_of_the_content(
    api: Api, client: httpx.AsyncClient
) -> None:
    ask = ToolCall("fusion", {"question": QUESTION}, content="I will ask a panel.")
    api.models.on(WRITER, lambda call: ANSWER if call.tool_results else ask)
    told = await post(client, api.body(plugins=[AUTO]))
    assert told["choices"][0]["message"]["content"] == f"I will ask a panel.\n\n{ANSWER}"


async def test_whether_a_panel_was_convened_is_never_hidden(api: Api, client: httpx.AsyncClient) -> None:
    told = await post(client, api.body(plugins=[AUTO]))
    assert told["fusion"]["deliberated"] is False
    assert told["fusion"]["analysis"] is None
    assert "reasoning_details" not in told["choices"][0]["message"]


async def test_a_call_of_the_client_s_own_tool_is_handed_back_and_goes_on_with_the_next_request(
    api: Api, client: httpx.AsyncClient
) -> None:
    api.models.on(
        WRITER,
        lambda call: f"It is {call.tool_results[0]}." if call.tool_results else ToolCall("weather", {"city": "Graz"}),
    )
    told = await post(client, api.body(plugins=[AUTO], tools=[WEATHER]))
    choice = told["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    [call] = choice["message"]["tool_calls"]
    assert (call["type"], call["function"]["name"]) == ("function", "weather")
    assert json.loads(call["function"]["arguments"]) == {"city": "Graz"}
    ChatCompletion.model_validate(told)
    done = {"role": "tool", "tool_call_id": call["id"], "content": "sunny"}
    messages = [{"role": "user", "content": QUESTION}, choice["message"], done]
    again = await post(client, api.body(plugins=[AUTO], tools=[WEATHER], messages=messages))
    assert again["choices"][0]["message"]["content"] == "It is sunny."


async def test_an_answer_cut_at_its_limit_says_so(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(WRITER, Text("On balance", finish_reason="length"))
    told = await post(client, api.body())
    assert told["choices"][0]["finish_reason"] == "length"
    assert [entry["reason"] for entry in told["fusion"]["degraded"]] == ["writer_truncated"]


async def test_a_degraded_run_is_an_answer_that_says_so(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(ALPHA, Fault(402)).on(JUDGE, "prose")
    told = await post(client, api.body())
    field = told["fusion"]
    assert [failed["model"] for failed in field["failed_models"]] == [ALPHA]
    assert field["failed_models"][0]["status_code"] == 402
    assert field["analysis"] is None
    assert {entry["reason"] for entry in field["degraded"]} == {"seat_failed", "judge_not_valid_json"}
    assert told["choices"][0]["message"]["content"] == ANSWER


async def test_an_analysis_alone_is_the_content_as_json(api: Api, client: httpx.AsyncClient) -> None:
    told = await post(client, api.body(plugins=[{**FUSE, "mode": "analyze"}]))
    assert json.loads(told["choices"][0]["message"]["content"])["consensus"] == ["It does."]
    assert told["model"] == JUDGE
    assert api.models.calls_of(WRITER) == []


@pytest.mark.parametrize(
    ("alpha", "beta", "status", "reason"),
    [
        (Fault(401), Fault(401), 502, "all_panels_failed"),
        (Fault(402), Fault(500), 402, "insufficient_credits"),
        (Fault(429, retry_after=0), Fault(401), 429, "rate_limited"),
        (Fault(404), Fault(404), 400, "invalid_model"),
    ],
)
async def test_a_run_without_an_answer_is_an_error_with_its_reason(
    api: Api, client: httpx.AsyncClient, alpha: Fault, beta: Fault, status: int, reason: str
) -> None:
    api.models.on(ALPHA, alpha).on(BETA, beta)
    error = (await post(client, api.body(), status))["error"]
    assert (error["failure_reason"], error["code"]) == (reason, reason)
    assert [failed["model"] for failed in error["failed_models"]] == [ALPHA, BETA]
    assert error["fusion"]["receipt"]["status"] == "error"
    assert api.models.calls_of(WRITER) == []


async def test_a_calling_model_that_fails_is_an_error(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(WRITER, Fault(401))
    error = (await post(client, api.body(plugins=[AUTO]), 502))["error"]
    assert error["failure_reason"] == "unexpected_error"


async def test_settings_that_cannot_run_are_refused_before_any_model_is_called(
    api: Api, client: httpx.AsyncClient
) -> None:
    error = (await post(client, api.body(plugins=[{**FUSE, "max_total_tokens": 50}]), 400))["error"]
    assert error["code"] == "limit_too_low"
    assert error["param"] == "max_total_tokens"
    error = (await post(client, api.body(plugins=[{**FUSE, "max_tool_calls": 17}]), 400))["error"]
    assert error["param"] == "plugins[0].max_tool_calls"
    assert api.models.calls == []


async def test_every_completion_has_a_generation_of_the_same_id(api: Api, client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/chat/completions", json=api.body(), headers={"x-request-id": "mine-1"})
    assert response.headers["x-generation-id"] == response.json()["id"]
    assert response.headers["x-request-id"] == "mine-1"
    [(owner, record)] = api.kept.generations
    assert (owner, record["id"], record["model"]) == ("anonymous", response.json()["id"], WRITER)
    assert record["fusion"]["status"] == "ok"
    assert (record["streamed"], record["cancelled"]) == (False, False)
