"""What is deployed: LangGraph Server's image and services, and the stand-alone server's with PostgreSQL."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from doors import fusion_serve
from langgraph_cli.cli import prepare_args_and_stdin
from langgraph_cli.config import validate_config_file
from langgraph_cli.docker import DockerCapabilities
from langgraph_cli.docker import Version as DockerVersion
from langgraph_dev import REPOSITORY, process_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from postgres import MISSING, binaries, cluster
from scripted_panel import Panel
from test_http_app import PATHS, body

from fusion_graph.testing import ScriptedServer

CONFIG = REPOSITORY / "langgraph.json"
COMPOSE = REPOSITORY / "compose.yaml"
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text("utf-8")


def ran(*command: str, cwd: Path = REPOSITORY, **variables: str) -> subprocess.CompletedProcess[str]:
    env = process_environment(cwd, **variables)
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=60, check=False)


def named(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)


def check_compose(file: Path) -> None:
    """Check it by the schema of the Compose Specification."""
    checked = ran(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file))
    assert checked.returncode == 0, checked.stdout


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Dockerfile that `langgraph build` and `langgraph up` use."""
    saved = tmp_path_factory.mktemp("image") / "Dockerfile"
    made = ran(sys.executable, "-m", "langgraph_cli", "dockerfile", "-c", str(CONFIG), str(saved))
    assert made.returncode == 0, made.stdout + made.stderr
    return saved.read_text("utf-8")


def test_the_configuration_is_valid() -> None:
    checked = ran(sys.executable, "-m", "langgraph_cli", "validate", "-c", str(CONFIG))
    assert checked.returncode == 0, checked.stdout


def test_the_image_holds_the_package_its_graphs_the_app_and_the_keys(image: str) -> None:
    config = json.loads(CONFIG.read_text("utf-8"))
    variables = {name: json.loads(value) for name, value in re.findall(r"^ENV (\w+)='(.*)'$", image, re.MULTILINE)}
    assert re.search(r"^FROM langchain/langgraph-api:3\.11$", image, re.MULTILINE)
    assert f"ADD . /deps/{REPOSITORY.name}" in image
    assert set(variables["LANGSERVE_GRAPHS"]) == {"fusion", "deliberation", "fusion_agent"}
    assert variables["LANGGRAPH_HTTP"] == config["http"]
    assert variables["LANGGRAPH_AUTH"] == config["auth"]


def test_what_the_image_installs_is_named_so_that_its_shell_reads_it_as_meant(image: str) -> None:
    [line] = re.findall(r"^RUN .*uv pip install .*sqlalchemy.*$", image, re.MULTILINE)
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    assert not {">", "<", ">>", "|", "&", ";"} & set(lexer), "the CLI does not quote: a version would be a redirection"


def test_the_image_has_every_package_that_the_app_imports() -> None:
    listed = json.loads(CONFIG.read_text("utf-8"))["dependencies"]
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    there = _with_theirs({named(each) for each in [*project["dependencies"], "langgraph-api"]})
    there |= _with_theirs({named(each) for each in listed if each != "."})
    needed = {name for file in (REPOSITORY / "fusion_graph" / "server").rglob("*.py") for name in _imports(file)}
    owners = packages_distributions()
    missing = {
        name
        for name in needed - sys.stdlib_module_names - {"fusion_graph"}
        if not {canonicalize_name(owner) for owner in owners[name]} & there
    }
    assert missing == set()


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def _with_theirs(names: set[str]) -> set[str]:
    """Packages with all that they need."""
    found: set[str] = set()
    while names - found:
        name = (names - found).pop()
        found.add(name)
        wanted = [Requirement(each) for each in requires(name) or ()]
        names |= {named(str(each)) for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})}
    return found


def test_langgraph_up_starts_the_server_with_its_own_postgres_and_redis(tmp_path: Path) -> None:
    version = DockerVersion(28, 0, 0)
    capabilities = DockerCapabilities(
        version_docker=version, version_compose=version, healthcheck_start_interval=True, compose_type="plugin"
    )
    _, text = prepare_args_and_stdin(
        capabilities=capabilities,
        config_path=CONFIG,
        config=validate_config_file(CONFIG),
        docker_compose=None,
        port=8123,
        watch=False,
    )
    saved = tmp_path / "compose.yaml"
    saved.write_text(text, "utf-8")
    check_compose(saved)
    services = yaml.safe_load(text)["services"]
    assert set(services) == {"langgraph-api", "langgraph-postgres", "langgraph-redis"}
    assert services["langgraph-api"]["environment"]["POSTGRES_URI"].startswith("postgres://")
    assert services["langgraph-api"]["env_file"] == ".env"


def composed() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))
    return loaded["services"]


def command(instruction: str) -> list[str]:
    """An instruction of our Dockerfile in its JSON form."""
    [given] = re.findall(rf"^\s*{instruction} (\[.*\])$", DOCKERFILE, re.MULTILINE)
    words: list[str] = json.loads(given)
    return words


def test_the_compose_file_is_valid_and_open_to_its_own_machine_alone() -> None:
    check_compose(COMPOSE)
    services = composed()
    assert services["fusion"]["ports"] == ["127.0.0.1:8000:8000"]
    assert "ports" not in services["postgres"]
    assert services["fusion"]["healthcheck"]["test"] == ["CMD", *command(r"(?<=    )CMD")]


def test_our_image_installs_extras_that_exist_and_runs_without_rights() -> None:
    extras = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    [given] = re.findall(r"^ARG EXTRAS=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert set(given.split(",")) <= set(extras)
    assert re.search(r"^USER \d+$", DOCKERFILE, re.MULTILINE)
    for source in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE):
        assert all((REPOSITORY / name).exists() for name in source.split())


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    programs = binaries()
    if programs is None:
        pytest.skip(MISSING)
    with cluster(programs) as address:
        yield address


async def test_the_command_lines_of_the_containers_work_with_postgres(
    postgres: str, models: ScriptedServer, panel: Panel, tmp_path: Path
) -> None:
    variables = {"FUSION_GATEWAY_URL": models.base_url, "FUSION_SERVER_DATABASE": postgres}
    entry = [sys.executable, "-m", "fusion_graph.cli"]
    assert command("ENTRYPOINT") == ["fusion"]
    serve, *options = command(r"(?m:^)CMD")
    assert (serve, options[-2:]) == ("serve", ["--port", "8000"])

    refused = ran(*entry, serve, *options, cwd=tmp_path, **variables)
    assert refused.returncode == 2
    assert "fusion keys add" in refused.stderr
    added = ran(*entry, "keys", "add", "laptop", cwd=tmp_path, **variables)
    assert added.returncode == 0, added.stderr
    key = added.stdout.strip()

    with fusion_serve(tmp_path, *options[:-2], **variables) as url:
        async with httpx.AsyncClient(base_url=url, timeout=20, trust_env=False) as client:
            assert (await client.post(PATHS[0], json=body(panel, PATHS[0]))).status_code == 401
            answered = await client.post(
                PATHS[1], json=body(panel, PATHS[1]), headers={"authorization": f"Bearer {key}"}
            )
        probe = [
            word.replace(":8000", f":{httpx.URL(url).port}") for word in composed()["fusion"]["healthcheck"]["test"]
        ]
        assert probe[:2] == ["CMD", "python"]
        assert ran(sys.executable, *probe[2:], cwd=tmp_path).returncode == 0
    assert answered.json()["output"][-1]["content"][0]["text"] == "It does, says the panel."
    assert ran(sys.executable, *probe[2:], cwd=tmp_path).returncode != 0
    listed = ran(*entry, "keys", "list", "--json", cwd=tmp_path, **variables)
    assert [each["name"] for each in json.loads(listed.stdout)] == ["laptop"]
