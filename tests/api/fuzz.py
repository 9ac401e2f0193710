"""Fuzzes a running server from its own OpenAPI document: `python tests/api/fuzz.py --examples 400 --seed 1`."""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import schemathesis
from api_house import ALPHA, BETA, JUDGE, WRITER, script, serving
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import positive_data_acceptance

from fusion_graph import Gateway, Resources
from fusion_graph.server.app import create_app
from fusion_graph.server.settings import ServerSettings
from fusion_graph.testing import ScriptedServer

MODELS = (ALPHA, BETA, JUDGE, WRITER)
PRESETS = "\n".join(
    f'[presets.{name}]\npanel = ["{ALPHA}", "{BETA}"]\njudge = "{JUDGE}"\ntools = []\n'
    for name in ("general-high", "general-fast", "general-budget")
)
NOT_HELD = [not_a_server_error, positive_data_acceptance]
"""Checks that ask too much: a 502 can be the truth, and rules between fields are in no JSON schema."""
_KINDS = {"resp_": "response_id", "conv_": "conversation_id", "chatcmpl-": "id"}


@dataclass
class Found:
    """What came of it.

    Attributes:
        cases: Requests by operation, kind of data and status.
        faults: What did not conform, each kind with its first case.
    """

    cases: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    faults: dict[tuple[Any, ...], str] = field(default_factory=dict)

    def statuses(self) -> Counter[int]:
        """Return requests by status."""
        told: Counter[int] = Counter()
        for (_, _, status), count in self.cases.items():
            told[status] += count
        return told


class Steering:
    """Leads valid requests to what is there, so that they get behind the checks."""

    def __init__(self) -> None:
        self._known: dict[str, list[str]] = {"response_id": [], "conversation_id": [], "id": []}

    def learn(self, told: Any) -> None:
        """Remember what a response made."""
        made = told.get("id") if isinstance(told, dict) else None
        for mark, name in _KINDS.items():
            if isinstance(made, str) and made.startswith(mark) and len(self._known[name]) < 50:
                self._known[name].append(made)

    def steer(self, case: Any) -> None:
        """Change a case."""
        chance = random.Random(repr((case.path, case.path_parameters, case.query, case.body)))
        for name, ids in self._known.items():
            if name in (case.path_parameters or {}) and ids and chance.random() < 0.8:
                case.path_parameters[name] = chance.choice(ids)
        if case.path == "/v1/generation" and self._known["id"] and chance.random() < 0.8:
            case.query["id"] = chance.choice(self._known["id"])
        if isinstance(case.body, dict):
            case.body = self._body(case.body, chance)

    def _body(self, given_body: dict[str, Any], chance: random.Random) -> dict[str, Any]:
        body = dict(given_body)
        if chance.random() < 0.2:
            return body
        body |= (
            {"model": chance.choice([*MODELS, "openrouter/fusion", "fusion/general-fast"])} if "model" in body else {}
        )
        if chance.random() < 0.6:
            body |= {
                key: "Why?" if key == "input" else [{"role": "user", "content": "Why?"}]
                for key in ("messages", "input")
                if key in body
            }
        for key, name in (("previous_response_id", "response_id"), ("conversation", "conversation_id")):
            ids = self._known[name]
            if body.get(key) is not None:
                body[key] = chance.choice(ids) if ids else None
        if isinstance(body.get("plugins"), list):
            body["plugins"] = [self._fusion(plugin, chance) for plugin in body["plugins"][:1]]
        if "fusion" in body:
            body["fusion"] = self._fusion(body["fusion"], chance)
        return body

    def _fusion(self, fusion: Any, chance: random.Random) -> Any:
        if not isinstance(fusion, dict):
            return fusion
        told = {
            key: chance.choice(MODELS) if key in ("model", "judge", "writer") else value
            for key, value in fusion.items()
            if value is not None
        }
        for key in ("analysis_models", "panel"):
            if key in told:
                told[key] = [chance.choice(MODELS) for _ in told[key]]
        return told | ({"preset": "general-fast"} if "preset" in told else {})


def fuzz(url: str, *, examples: int, random_seed: int = 1, seconds: float = 30.0) -> Found:
    """Send what a document allows, and what it forbids.

    Args:
        url: The server's address.
        examples: Requests of each operation and kind at most.
        random_seed: Where the generation starts.
        seconds: How long one operation and kind may take.

    Returns:
        What came of it.
    """
    schema: Any = schemathesis.openapi.from_url(f"{url}/openapi.json")
    schema.config.generation.update(allow_x00=False)
    found, steering = Found(), Steering()
    with requests.Session() as session:
        operations = sorted((result.ok() for result in schema.get_all_operations()), key=_order)
        for operation in operations:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                try:
                    _send(operation, mode, session, found, steering, (examples, random_seed, seconds))
                except Unsatisfiable:
                    continue  # nothing about it can be wrong
    return found


def _order(operation: Any) -> tuple[int, str]:
    """What makes things first, what deletes them last."""
    return ({"post": 0, "get": 1}.get(operation.method, 2), operation.path)


def _send(operation: Any, mode: Any, session: Any, found: Found, steering: Steering, much: Any) -> None:
    examples, random_seed, seconds = much
    until = time.monotonic() + seconds

    @seed(random_seed)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    @given(operation.as_strategy(generation_mode=mode))
    def one(case: Any) -> None:
        if time.monotonic() > until:
            return
        if mode is GenerationMode.POSITIVE:
            steering.steer(case)
        response = case.call(session=session, timeout=30)
        found.cases[operation.label, mode.value, response.status_code] += 1
        if response.headers.get("content-type") == ["application/json"]:
            steering.learn(response.json())
        _judge(case, response, found, (operation.label, mode.value, response.status_code))

    one()


def _judge(case: Any, response: Any, found: Found, where: tuple[Any, ...]) -> None:
    shown = f"{json.dumps(case.body, default=str)[:600]} {case.path_parameters} -> {response.content[:400]!r}"
    if response.status_code == 500:
        found.faults.setdefault((*where, "500"), shown)
    if response.status_code == 502 and b'"failure_reason"' not in response.content:
        found.faults.setdefault((*where, "502 without a reason"), shown)
    try:
        case.validate_response(response, excluded_checks=NOT_HELD)
    except FailureGroup as failures:
        for failure in failures.exceptions:
            found.faults.setdefault((*where, type(failure).__name__), f"{failure}\n    {shown}")


@contextmanager
def target(folder: Path) -> Iterator[str]:
    """Run a server whose every preset is scripted; yields its address."""
    presets = folder / "presets.toml"
    presets.write_text(PRESETS)
    with ScriptedServer() as models:
        script(models)
        operator = Resources(gateway=Gateway(models.base_url, ""), presets=presets)
        app = create_app(ServerSettings(database=str(folder / "server.sqlite"), preset="general-fast"), operator)
        with serving(app) as url:
            yield url


def main() -> int:
    """Fuzz, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=100, help="requests of each operation and kind at most")
    parser.add_argument("--seconds", type=float, default=10, help="for each operation and kind at most")
    parser.add_argument("--seed", type=int, default=1)
    given_arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, target(Path(folder)) as url:
        found = fuzz(
            url,
            examples=given_arguments.examples,
            random_seed=given_arguments.seed,
            seconds=given_arguments.seconds,
        )
    for (operation, kind, status), count in sorted(found.cases.items()):
        sys.stdout.write(f"{count:6} {status} {kind:8} {operation}\n")
    for where, told in found.faults.items():
        sys.stdout.write(f"FAULT {where}\n    {told}\n")
    told = ", ".join(f"{status}: {count}" for status, count in sorted(found.statuses().items()))
    sys.stdout.write(f"{found.cases.total()} requests in {time.monotonic() - started:.0f} s ({told}); ")
    sys.stdout.write(f"{len(found.faults)} kinds of faults\n")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
