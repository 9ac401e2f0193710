"""`fusion optimize init`: a starter search file."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from fusion_graph.errors import ConfigError


def write_starter(path: Path) -> None:
    """Write the starter file.

    Args:
        path: Where to; nothing may be there.

    Raises:
        ConfigError: Something is there, the ending is wrong, or it cannot be written.
    """
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise ConfigError(f"{path}: the starter is YAML; name it .yaml")
    text = resources.files("fusion_graph.evals.optimize").joinpath("starter.yaml").read_text("utf-8")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ConfigError(f"{path} is there already and is left as it is; name another file") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error}") from error
