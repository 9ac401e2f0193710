from __future__ import annotations

import importlib
import inspect

import pytest

import fusion_graph
import fusion_graph.testing

PUBLIC = [
    "Analysis",
    "ClientTool",
    "ConfigError",
    "FetchSettings",
    "FusionConfig",
    "FusionDepthError",
    "FusionError",
    "Gateway",
    "MissingKeyError",
    "MissingPackageError",
    "PanelistOutcome",
    "Reasoning",
    "Receipt",
    "Resources",
    "RunError",
    "SearchSettings",
    "Seat",
    "ToolSpec",
    "WriterOptions",
    "__version__",
    "build_deliberation_graph",
    "build_fusion_agent",
    "build_fusion_graph",
    "fork_before_judge",
    "fork_before_writer",
    "fusion_tool",
    "retry_failed",
]


def test_the_package_promises_these_names_and_no_others():
    assert fusion_graph.__all__ == PUBLIC
    assert dir(fusion_graph) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_can_be_imported(name):
    namespace: dict[str, object] = {}
    exec(f"from fusion_graph import {name}", namespace)
    assert namespace[name] is getattr(fusion_graph, name)


def test_every_public_class_and_function_says_what_it_is():
    for name in PUBLIC:
        found = getattr(fusion_graph, name)
        assert isinstance(found, str) or (inspect.getdoc(found) or "").strip(), name


def test_an_unknown_name_is_an_attribute_error_as_of_any_module():
    with pytest.raises(AttributeError, match="module 'fusion_graph' has no attribute 'build_confusion'"):
        _ = fusion_graph.build_confusion
    assert not hasattr(fusion_graph, "panelist")


def test_a_submodule_can_still_be_imported_by_attribute():
    importlib.import_module("fusion_graph.fence")
    assert fusion_graph.fence.fence("a", "b").startswith("<a ")


def test_every_public_error_is_a_fusion_error_and_fits_what_python_expects_of_it():
    for name in ("ConfigError", "FusionDepthError", "MissingKeyError", "MissingPackageError", "RunError"):
        assert issubclass(getattr(fusion_graph, name), fusion_graph.FusionError)
    assert issubclass(fusion_graph.ConfigError, ValueError)
    assert issubclass(fusion_graph.MissingPackageError, ImportError)


def test_the_test_kit_names_what_users_write_scripts_with():
    for name in fusion_graph.testing.__all__:
        assert getattr(fusion_graph.testing, name) is not None
    assert {"ScriptedServer", "Text", "ToolCall", "ToolCalls", "Fault", "Malformed", "Usage"} <= set(
        fusion_graph.testing.__all__
    )
