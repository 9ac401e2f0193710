"""What the OpenAPI document allows and forbids, sent to a running server; `make fuzz` sends more."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-fuzz" / "bin" / "python"
"""Of an environment of its own: schemathesis and LangGraph Server want different versions of one package."""


@pytest.mark.skipif(
    not PYTHON.exists() and not os.environ.get("CI"), reason="there is no .venv-fuzz; `make test` makes it"
)
def test_nothing_that_the_document_speaks_of_breaks_the_server_or_the_document() -> None:
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("fuzz.py"), "--examples", "3", "--seconds", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
    statuses = {int(status): int(count) for status, count in re.findall(r"(\d{3}): (\d+)", done.stdout)}
    assert statuses[200] > 10, "too few requests came behind the checks"
    assert statuses[400] > 30
    assert 500 not in statuses
