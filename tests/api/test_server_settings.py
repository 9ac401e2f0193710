"""The operator's settings of the HTTP app."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusion_graph.errors import ConfigError
from fusion_graph.server.database import postgres_url, sqlite_file
from fusion_graph.server.settings import ServerSettings


def test_variables_are_read_by_the_names_of_the_fields():
    settings = ServerSettings.from_env(
        {
            "FUSION_SERVER_DATABASE": "x.sqlite",
            "FUSION_SERVER_ALLOWED_MODELS": "a/b, c/d",
            "FUSION_SERVER_MAX_RUNS": "3",
            "FUSION_SERVER_KEEP_ALIVE": "2.5",
            "FUSION_SERVER_PUBLIC_METRICS": "true",
        }
    )
    assert settings == ServerSettings(
        database="x.sqlite", allowed_models=("a/b", "c/d"), max_runs=3, keep_alive=2.5, public_metrics=True
    )


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MAX_RUNS", "many", "'many' is no number"),
        ("MAX_RUNS", "0", "must be above 0"),
        ("RETENTION_DAYS", "nan", "above 0"),
    ],
)
def test_a_wrong_value_names_its_variable(name: str, value: str, said: str):
    with pytest.raises(ConfigError, match=said) as caught:
        ServerSettings.from_env({f"FUSION_SERVER_{name}": value})
    assert f"FUSION_SERVER_{name}" in str(caught.value)


def test_a_database_is_a_file_or_postgres(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert sqlite_file(ServerSettings()) == tmp_path / "fusion-graph" / "server.sqlite"
    assert sqlite_file(ServerSettings(database="a/b.sqlite")) == Path("a/b.sqlite")
    assert sqlite_file(ServerSettings(database="sqlite:////a/b.sqlite")) == Path("/a/b.sqlite")
    postgres = ServerSettings(database="postgresql://u:p@h:5/d")
    assert sqlite_file(postgres) is None
    assert postgres_url(postgres).drivername == "postgresql+psycopg"
