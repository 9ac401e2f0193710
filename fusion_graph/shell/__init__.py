"""The tool `shell`: commands of a model, in a sandbox that the operator has switched on."""

from fusion_graph.shell.bubblewrap import BubblewrapExecutionPolicy
from fusion_graph.shell.container import ContainerExecutionPolicy
from fusion_graph.shell.sandboxes import Sandbox, find_sandbox
from fusion_graph.shell.settings import SHELL, ShellSettings
from fusion_graph.shell.tool import shell_tool

__all__ = [
    "SHELL",
    "BubblewrapExecutionPolicy",
    "ContainerExecutionPolicy",
    "Sandbox",
    "ShellSettings",
    "find_sandbox",
    "shell_tool",
]
