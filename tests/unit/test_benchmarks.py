"""Every benchmark can be started: what it imports from tests and package is where it looks for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = sorted(
    script
    for script in (Path(__file__).parents[2] / "benchmarks").glob("*.py")
    if script.stem != "model_server"  # what the others start
)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_benchmark_says_what_it_takes(script: Path) -> None:
    done = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout
