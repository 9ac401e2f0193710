from __future__ import annotations

from langchain_core.callbacks import AsyncCallbackManager, StdOutCallbackHandler

from fusion_graph.kit import part_config
from fusion_graph.meter import Meter
from fusion_graph.redaction import redact_error
from fusion_graph.traced_costs import with_costs
from fusion_graph.tracing import noted_at_end

KEY = "sk-proj-planted0123456789abcdef"


def test_where_nothing_traces_nothing_is_added():
    config = {"callbacks": AsyncCallbackManager([StdOutCallbackHandler()])}
    assert with_costs(config) is config
    assert noted_at_end(config, lambda ended: {}) is config


def test_what_counts_is_heard_before_the_handlers_of_the_run_and_below_it():
    theirs, meter = StdOutCallbackHandler(), Meter()
    config = {"callbacks": AsyncCallbackManager([theirs], [theirs])}
    own = part_config(config, "seat-1", meter)["callbacks"]
    assert own.handlers == own.inheritable_handlers == [meter, theirs]
    assert config["callbacks"].handlers == [theirs]


def test_an_exception_is_cleaned_with_its_causes_its_group_and_its_notes():
    inner = ValueError(KEY)
    inner.add_note(f"while using {KEY}")
    outer = ExceptionGroup("calls", [RuntimeError({"error": [KEY]}), inner])
    outer.__cause__ = OSError(5, f"key {KEY}")
    redact_error(outer)
    assert inner.args == ("[redacted]",)
    assert inner.__notes__ == ["while using [redacted]"]
    assert outer.exceptions[0].args == ({"error": ["[redacted]"]},)
    assert str(outer.__cause__) == "[Errno 5] key [redacted]"
