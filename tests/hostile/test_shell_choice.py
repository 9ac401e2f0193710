"""Who may have a shell: the operator decides, a sandbox must really work, and the host never stands in for one."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from scripted_house import House
from waiting import eventually

from fusion_graph import Resources
from fusion_graph.config import ToolSpec
from fusion_graph.errors import ConfigError
from fusion_graph.shell import bubblewrap, container, sandboxes
from fusion_graph.shell.container import ContainerExecutionPolicy
from fusion_graph.shell.processes import INITIAL_PROCESSES, own_processes
from fusion_graph.shell.sandboxes import Sandbox, find_sandbox
from fusion_graph.shell.session import _GUARD
from fusion_graph.shell.settings import ShellSettings
from fusion_graph.shell.tool import shell_tool
from fusion_graph.tools.build import shell_settings

_RECORDING_DOCKER = """#!/bin/sh
echo "$@" >> "{log}"
case "$*" in *readlink*) echo "pid:[1]"; echo "net:[1]";; run*) exec sleep 60;; esac
"""
"""It runs nothing that it is given."""


@pytest.fixture(autouse=True)
def _untried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandboxes, "_WORKING", {})


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(stat.S_IRWXU)


@pytest.fixture
def only_here(tmp_path, monkeypatch) -> Path:
    """A folder that is all the PATH there is."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


async def test_a_shell_that_the_operator_has_not_enabled_is_refused_before_anything_is_asked(house: House):
    with pytest.raises(ConfigError, match=r"seat 'seat-1': tools: 'shell' is switched off.*FUSION_SHELL=auto"):
        await house.fusion().ainvoke({"messages": [("user", "?")]}, context={"tools": ["shell"]})
    assert house.server.calls == []


@pytest.mark.parametrize("field", ["shell", "resources", "sandbox"])
async def test_a_client_cannot_enable_it(house: House, field: str):
    with pytest.raises(ValueError, match=field):
        await house.fusion().ainvoke({"messages": [("user", "?")]}, context={"tools": ["shell"], field: "auto"})


def test_the_variable_names_the_sandbox_and_a_wrong_name_is_an_error():
    assert Resources.from_env({}).shell == "off"
    assert Resources.from_env({"FUSION_SHELL": "bubblewrap"}).shell == "bubblewrap"
    assert Resources.from_env({"FUSION_SHELL": "docker", "FUSION_SHELL_IMAGE": "mine:1"}).shell_image == "mine:1"
    with pytest.raises(ConfigError, match="shell: 'host' is none of off, auto, docker, bubblewrap"):
        Resources.from_env({"FUSION_SHELL": "host"})


@pytest.mark.parametrize("mode", ["auto", "docker", "bubblewrap"])
def test_without_any_sandbox_it_is_refused_and_the_fix_is_named(only_here, mode):
    with pytest.raises(ConfigError, match=r"none works here \(.*\). Install bubblewrap .* or start Docker"):
        find_sandbox(Resources(shell=mode))


def test_a_bubblewrap_that_may_not_make_namespaces_is_refused_in_its_own_words(only_here, monkeypatch):
    monkeypatch.setattr(bubblewrap, "_unprivileged", dict)  # whom root steps down to cannot read this test's folder
    (only_here / "prlimit").symlink_to("/usr/bin/prlimit")
    program(only_here, "bwrap", "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    with pytest.raises(ConfigError, match="bubblewrap: bwrap: No permissions to create new namespace"):
        find_sandbox(Resources(shell="bubblewrap"))


def test_a_docker_client_without_an_engine_is_no_sandbox(only_here):
    program(only_here, "docker", "#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 125\n")
    with pytest.raises(ConfigError, match="docker: Cannot connect to the Docker daemon"):
        find_sandbox(Resources(shell="docker"))


@pytest.mark.parametrize("shown", ["pid net", "", "/proc/self/ns/pid", "pid:[4026531836] net:[1]"])
def test_a_sandbox_that_shares_the_hosts_processes_or_network_is_none(only_here, shown):
    paths = {"pid": "/proc/self/ns/pid", "net": "/proc/self/ns/net"}
    lines = "\n".join(str(Path(paths[word]).readlink()) if word in paths else word for word in shown.split())
    program(only_here, "docker", f"#!/bin/sh\necho '{lines}'\n")
    with pytest.raises(ConfigError, match="it does not keep processes and network apart from the host's"):
        find_sandbox(Resources(shell="docker"))


def test_auto_takes_bubblewrap_where_docker_does_not_work(with_bubblewrap, tmp_path, monkeypatch):
    program(tmp_path, "docker", "#!/bin/sh\nexit 125\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert find_sandbox(Resources(shell="auto")).name == "bubblewrap"


def test_a_sandbox_that_failed_is_tried_again(with_bubblewrap, monkeypatch):
    path = os.environ["PATH"]
    sandboxes._WORKING.clear()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError):
        find_sandbox(Resources(shell="bubblewrap"))
    monkeypatch.setenv("PATH", path)
    assert find_sandbox(Resources(shell="bubblewrap")).name == "bubblewrap"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"timeout": 0}, "shell.timeout: Input should be greater"),
        ({"timeout": 301}, "shell.timeout: Input should be less"),
        ({"max_output_characters": 10}, "shell.max_output_characters: Input should be greater"),
        ({"network": True}, "shell has no parameter 'network'; it has timeout, max_output_characters"),
    ],
)
def test_parameters_have_bounds_and_none_opens_the_sandbox(parameters, said):
    with pytest.raises(ConfigError, match=said):
        shell_settings([ToolSpec(type="shell", parameters=parameters)], Resources())


def test_the_settings_of_an_entry_are_read():
    entry = ToolSpec(type="shell", parameters={"timeout": 5})
    assert shell_settings([entry], Resources()) == ShellSettings(timeout=5)
    assert shell_settings(["web_fetch"], Resources()) is None


async def test_a_container_is_closed_in_every_way_and_removed(tmp_path, monkeypatch):
    log = tmp_path / "log"
    program(tmp_path, "docker", _RECORDING_DOCKER.format(log=log))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    async with shell_tool(ShellSettings(), Resources(shell="docker", shell_image="image:1")) as tool:
        task = asyncio.create_task(tool.ainvoke({"command": "sleep 60"}))
        await eventually(lambda: log.exists() and log.read_text().count("run -i") == 2)
        task.cancel()
    _, _, run, removal = log.read_text().splitlines()
    assert "-c readlink" not in run
    for closing in (
        "--network none",
        "--read-only",
        "--user 65534:65534",
        "--cap-drop ALL",
        "--security-opt no-new-privileges",
        "--pids-limit 64",
        f"--memory {2**30}",
        f"--memory-swap {2**30}",
        "--cpus 1",
        "--pull never",
        "--tmpfs /workspace:rw,exec,size=67108864",
        "--rm",
        "--ipc private",
        "--log-driver none",
        "--no-healthcheck",
        "--ulimit nofile=256:256",
        "--ulimit core=1:1",
        "-e HTTPS_PROXY= ",
        "-e https_proxy= ",
    ):
        assert closing in run, closing
    assert " -v " not in run
    assert "--volume" not in run
    name = run.partition("--name ")[2].split()[0]
    assert removal == f"rm --force --volumes {name}"


async def test_an_engine_that_does_not_answer_costs_no_draft_and_is_told_in_the_log(tmp_path, monkeypatch, caplog):
    program(tmp_path, "docker", "#!/bin/sh\ncase $1 in run) printf 'pid:[1]\\nnet:[1]\\n';; rm) exec sleep 20;; esac\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(container, "_END_SECONDS", 0.2)
    async with shell_tool(ShellSettings(), Resources(shell="docker", shell_image="image:2")) as tool:
        assert "the sandbox ended during the command" in await tool.ainvoke({"command": "true"})
    assert [
        record.message
        for record in caplog.records
        if "docker rm --force --volumes fusion-graph-shell-" in record.message
    ]


async def test_a_real_container_runs_commands_where_docker_works():
    resources = Resources(shell="docker")
    try:
        await asyncio.to_thread(find_sandbox, resources)
    except ConfigError as error:
        pytest.skip(str(error))
    async with shell_tool(ShellSettings(), resources) as tool:
        assert "\nkept\n" in await tool.ainvoke({"command": "echo kept > x; cat x; ls -A /proc/sys/net/ipv4/neigh"})
        assert "[exit status 0]" in await tool.ainvoke({"command": "test $(cat x) = kept"})


async def test_an_operators_own_tool_of_that_name_comes_first(house: House):
    from langchain_core.tools import tool

    @tool
    def shell(command: str) -> str:
        """Answer a command."""
        return "pong"

    assert shell_settings(["shell"], Resources(tools=[shell])) is None
    output = await house.ask(tools=[shell])
    assert output["status"] == "ok"


def test_importing_the_package_starts_no_process():
    code = "import subprocess; subprocess.Popen = None; import fusion_graph, fusion_graph.kit"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_policies_keep_langchains_contract():
    from langchain.agents.middleware import DockerExecutionPolicy
    from langchain.agents.middleware._execution import BaseExecutionPolicy

    from fusion_graph.shell.bubblewrap import BubblewrapExecutionPolicy

    assert issubclass(BubblewrapExecutionPolicy, BaseExecutionPolicy)
    assert issubclass(ContainerExecutionPolicy, DockerExecutionPolicy)
    assert Sandbox("docker", ContainerExecutionPolicy(), "/bin/sh").policy.network_enabled is False


def test_a_session_ends_itself_before_any_command_where_it_sees_the_hosts_processes():
    guard = _GUARD.format(here=own_processes(), initial=INITIAL_PROCESSES)
    shell = subprocess.run(
        ["/bin/sh", "-s"], input=f"{guard}echo went on\n", capture_output=True, text=True, check=False
    )
    assert (shell.returncode, shell.stdout) == (1, "")
