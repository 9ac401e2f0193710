from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from fusion_graph.config import FusionConfig, Seat
from fusion_graph.drafts_block import split_question
from fusion_graph.errors import ConfigError, MissingKeyError
from fusion_graph.kit import Kit
from fusion_graph.resources import Gateway, Resources
from fusion_graph.seats import RESERVED, check, judge_of, resolved, visible, writer_of

SEAT_ID = st.sampled_from(["", "", "a", "seat-1", "seat-2", "seat-2x", "seat-3"])
MODEL = st.sampled_from(["v/a", "v/b", "v/" + "long" * 70])


def ids(*panel: Any) -> list[str]:
    return [seat.id for seat in resolved(FusionConfig(panel=list(panel)))]


def labels(*panel: Any) -> list[str]:
    return [seat.label for seat in resolved(FusionConfig(panel=list(panel)))]


def test_seats_without_an_id_are_numbered_by_their_place():
    assert ids("v/a", "v/b", "v/a") == ["seat-1", "seat-2", "seat-3"]


def test_a_seats_own_id_is_kept_and_the_others_keep_their_numbers():
    assert ids("v/a", Seat(id="critic", model="v/a"), "v/a") == ["seat-1", "critic", "seat-3"]


def test_a_number_that_another_seat_took_as_its_id_is_not_given_twice():
    assert ids("v/a", Seat(id="seat-1", model="v/b")) == ["seat-1x", "seat-1"]
    assert ids("v/a", "v/b", Seat(id="seat-2", model="v/b"), Seat(id="seat-2x", model="v/b"))[1] == "seat-2xx"


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_seat_may_not_take_the_name_of_another_part_of_the_run(name):
    with pytest.raises(ConfigError, match=f"panel: seat id '{name}' is the name of a part of the run"):
        ids(Seat(id=name, model="v/a"))


def test_a_label_is_the_seats_own_or_its_models_name():
    assert labels("v/a", Seat(model="v/b", label="The Critic")) == ["v/a", "The Critic"]


def test_labels_that_occur_twice_are_numbered_and_others_are_not():
    assert labels("v/a", "v/b", "v/a", Seat(model="v/c", label="v/a")) == ["v/a #1", "v/b", "v/a #2", "v/a #3"]


@given(st.lists(st.builds(Seat, id=SEAT_ID, model=MODEL), min_size=1, max_size=8))
@settings(deadline=None)
def test_every_resolved_panel_is_a_valid_panel_with_ids_and_labels_of_their_own(panel):
    named = [seat.id for seat in panel if seat.id]
    if len(set(named)) < len(named):
        return
    seats = resolved(FusionConfig(panel=panel))
    assert len({seat.id for seat in seats}) == len({seat.label for seat in seats}) == len(seats)
    assert [Seat.model_validate(seat.model_dump()) for seat in seats] == seats
    assert [seat.model for seat in seats] == [seat.model for seat in panel]
    assert all(seat.id == given.id for seat, given in zip(seats, panel, strict=True) if given.id)


def test_resolving_twice_changes_nothing():
    once = resolved(FusionConfig(panel=["v/a", "v/a", Seat(id="x", model="v/b")]))
    assert resolved(FusionConfig(panel=list(once))) == once


def test_the_judge_is_the_configs_or_the_first_seats_and_the_writer_follows_the_judge():
    assert (judge_of(FusionConfig(panel=["v/a", "v/b"])), writer_of(FusionConfig(panel=["v/a", "v/b"]))) == (
        "v/a",
        "v/a",
    )
    config = FusionConfig(panel=["v/a"], judge="v/j")
    assert (judge_of(config), writer_of(config)) == ("v/j", "v/j")
    assert writer_of(FusionConfig(panel=["v/a"], judge="v/j", writer="v/w")) == "v/w"


CONVERSATION = [
    SystemMessage("Be brief."),
    HumanMessage("one"),
    AIMessage("", tool_calls=[{"name": "t", "args": {}, "id": "1"}]),
    ToolMessage("found", tool_call_id="1"),
    AIMessage([{"type": "text", "text": "two"}], id="ai-1"),
    HumanMessage("  "),
    HumanMessage("three", id="q"),
]


def seen(history: str, messages: Any = CONVERSATION) -> list[tuple[str, str]]:
    question, earlier = split_question(messages)
    found = visible(messages, question, earlier, FusionConfig(panel=["v/a"], history=history))
    return [(message.type, str(message.text)) for message in found]


def test_the_question_alone_is_seen_where_the_config_says_so():
    assert seen("question") == [("human", "three")]


def test_by_default_a_panelist_sees_what_user_and_assistant_said():
    assert seen(FusionConfig().history) == [("human", "one"), ("ai", "two"), ("human", "three")]


def test_system_messages_are_seen_only_with_the_full_history():
    assert seen("full")[0] == ("system", "Be brief.")
    assert len(seen("full")) == 4


@pytest.mark.parametrize("history", ["question", "conversation", "full"])
def test_tool_traffic_is_never_seen(history):
    question, earlier = split_question(CONVERSATION)
    found = visible(CONVERSATION, question, earlier, FusionConfig(panel=["v/a"], history=history))
    assert all(message.type != "tool" for message in found)
    assert not any(message.tool_calls for message in found if isinstance(message, AIMessage))


def test_what_came_after_the_question_is_not_seen():
    assert seen("full", [HumanMessage("one"), AIMessage("half an ans")]) == [("human", "one")]


def kit(**resources: Any) -> Kit:
    return Kit(FusionConfig(), Resources(gateway=Gateway("http://127.0.0.1:9/v1", ""), **resources))


async def checked(house: Kit, *, writes: bool = True, **fields: Any) -> None:
    config = FusionConfig(**{"tools": [], **fields})
    await check(house, config, resolved(config), writes=writes)


async def test_a_panel_that_can_run_passes_the_check():
    await checked(kit(), panel=["v/a", "v/a"], judge="v/j", writer="v/w")
    await checked(kit(models={"mine": FakeListChatModel(responses=["x"])}), panel=["mine"])


@pytest.mark.parametrize(
    ("fields", "who"),
    [
        ({"panel": ["v/a", "openai:gpt-5.5"]}, "seat 'seat-2': model 'openai:gpt-5.5' needs OPENAI_API_KEY"),
        ({"panel": ["v/a"], "judge": "openai:gpt-5.5"}, "judge: model 'openai:gpt-5.5' needs OPENAI_API_KEY"),
        ({"panel": ["v/a"], "writer": "openai:gpt-5.5"}, "writer: model 'openai:gpt-5.5' needs OPENAI_API_KEY"),
        (
            {"panel": [{"id": "b", "model": "v/a", "fallbacks": ["openai:gpt-5.5"]}]},
            "seat 'b': model 'openai:gpt-5.5' needs OPENAI_API_KEY",
        ),
    ],
)
async def test_a_missing_key_is_found_before_the_run_and_whose_it_is_is_said(fields, who):
    with pytest.raises(MissingKeyError, match=re.escape(who)):
        await checked(kit(), **fields)


async def test_the_writers_key_is_not_needed_where_nobody_writes():
    await checked(kit(), panel=["v/a"], writer="openai:gpt-5.5", writes=False)


@pytest.mark.parametrize(
    ("fields", "who"),
    [
        ({"panel": [{"id": "b", "model": "v/a", "tools": ["no_such_tool"]}]}, "seat 'b': .*no_such_tool"),
        ({"panel": [{"model": "v/a", "tools": []}], "tools": ["no_such_tool"]}, "judge: .*no_such_tool"),
        ({"panel": ["v/a"], "tools": ["web_search"], "search": {"engine": "exa"}}, "seat 'seat-1': .*EXA_API_KEY"),
        ({"panel": ["v/a"], "prompts": {"judge": "{{nope}}"}}, "prompts.judge: unknown placeholder {{nope}}"),
    ],
)
async def test_a_tool_an_engine_or_a_prompt_that_cannot_work_is_found_before_the_run(fields, who):
    with pytest.raises(ConfigError, match=who):
        await checked(kit(), **fields)
