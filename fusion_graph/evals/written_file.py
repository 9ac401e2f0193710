"""Reading what a person wrote: an eval file or a search file, in YAML, TOML or JSON."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from fusion_graph.errors import ConfigError, missing_package
from fusion_graph.evals.datasets.draco import DRACO
from fusion_graph.evals.datasets.lines import strict_json
from fusion_graph.evals.datasets.loading import BUNDLED


def parsed(path: Path, *, of: Literal["eval", "search"], second: str) -> dict[str, Any]:
    """Read a file into plain data.

    Args:
        path: A `.yaml`, `.yml`, `.toml` or `.json` file.
        of: What file it is, for messages.
        second: What it must hold beside `dataset`, for messages.

    Returns:
        The mapping that it holds.

    Raises:
        ConfigError: It cannot be read, or holds no mapping.
        MissingPackageError: It is YAML and pyyaml is not installed.
    """
    command = "eval" if of == "eval" else "optimize"
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        hint = f"; `fusion {command} init` writes one" if isinstance(error, FileNotFoundError) else ""
        raise ConfigError(f"{path} cannot be read: {error}{hint}") from error
    kind = path.suffix.lower()
    if kind not in (".yaml", ".yml", ".toml", ".json"):
        article = "an" if of == "eval" else "a"
        raise ConfigError(f"{path}: {article} {of} file ends in .yaml, .yml, .toml or .json")
    try:
        raw = tomllib.loads(text) if kind == ".toml" else strict_json(text) if kind == ".json" else _yaml(text)
    except ValueError as error:
        raise ConfigError(f"{path} is not valid {kind.lstrip('.').upper()}: {error}") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: the file must hold a mapping with `dataset` and `{second}`")
    return raw


def located(folder: Path, name: str) -> str:
    """Take a dataset's path from where the file stands; a dataset's name stays as it is."""
    if name in BUNDLED or name == DRACO:
        return name
    return str(folder / Path(name).expanduser())


def _yaml(text: str) -> Any:
    try:
        import yaml  # noqa: PLC0415 - optional
    except ImportError as error:
        raise missing_package("pyyaml", "evals", "an eval file in YAML") from error
    try:
        return yaml.load(text, Loader=_loader(yaml))  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _loader(yaml: Any) -> Any:
    """A safe loader that refuses a key that is written twice: the first entry would be dropped in silence."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            keys = [key.value for key, _ in node.value]
            if twice := next((key for key in keys if key != "<<" and keys.count(key) > 1), None):
                raise yaml.YAMLError(f"{twice!r} stands twice in one mapping, near line {node.start_mark.line + 1}")
            return super().construct_mapping(node, deep)

    return Loader
