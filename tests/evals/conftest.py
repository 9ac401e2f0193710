"""What the tests of evaluations share."""

from __future__ import annotations

from pathlib import Path

import pytest
from eval_house import EvalHouse

from fusion_graph.testing import ScriptedServer


@pytest.fixture
def house(server: ScriptedServer, tmp_path: Path) -> EvalHouse:
    """Scripted models and a folder for an eval file."""
    return EvalHouse(server, tmp_path)
