"""Read the few facts of a GGUF file that matter before it is loaded, from its header alone."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fusion_graph.errors import ConfigError

_MAGIC = b"GGUF"
_SCALARS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_STRING, _ARRAY = 8, 9
_MAX_TEXT = 16 * 2**20
_MAX_FIELDS = 65_536


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What a GGUF file says about itself.

    Attributes:
        architecture: The model's architecture, such as `llama`; `None` where the file does not say.
        context_length: Tokens it was trained to read; `None` where the file does not say.
    """

    architecture: str | None
    context_length: int | None


def read_header(path: Path) -> GgufHeader:
    """Read a GGUF file's header; the weights are not touched.

    Args:
        path: The file.

    Returns:
        What it says about itself.

    Raises:
        ConfigError: There is no such file, or it is not a GGUF file of version 2 or later.
    """
    if not path.is_file():
        raise ConfigError(f"local model: there is no file {str(path)!r}; name an existing .gguf file after 'local:'")
    try:
        with path.open("rb") as file:
            return _parse(file)
    except OSError as error:
        raise ConfigError(f"local model: {str(path)!r} cannot be read: {error}") from error
    except (ValueError, struct.error) as error:
        raise ConfigError(
            f"local model: {str(path)!r} is not a usable GGUF file ({error}); "
            "convert the model to GGUF, or download the file again if it was cut"
        ) from error


def _parse(file: BinaryIO) -> GgufHeader:
    if file.read(4) != _MAGIC:
        raise ValueError("it does not begin with 'GGUF'")
    version, _tensors, fields = _unpack(file, "<IQQ")
    if not 2 <= version <= 0xFFFF or fields > _MAX_FIELDS:
        raise ValueError(f"version {version} is not supported")
    architecture: str | None = None
    for _ in range(fields):
        key, value = _text(file), _value(file, _unpack(file, "<I")[0])
        if key == "general.architecture":
            architecture = str(value)
        elif key == f"{architecture}.context_length" and isinstance(value, int) and value > 0:
            return GgufHeader(architecture, value)
    return GgufHeader(architecture, None)


def _value(file: BinaryIO, kind: int) -> object:
    """Read one value; an array is skipped and reads as `None`."""
    if kind == _STRING:
        return _text(file)
    if kind == _ARRAY:
        item, count = _unpack(file, "<IQ")
        _skip_items(file, item, count)
        return None
    if kind not in _SCALARS:
        raise ValueError(f"unknown value type {kind}")
    return _unpack(file, _SCALARS[kind])[0]


def _skip_items(file: BinaryIO, kind: int, count: int) -> None:
    if kind in _SCALARS:
        file.seek(count * struct.calcsize(_SCALARS[kind]), 1)
        return
    for _ in range(count):
        _value(file, kind)


def _text(file: BinaryIO) -> str:
    (length,) = _unpack(file, "<Q")
    if length > _MAX_TEXT:
        raise ValueError("it is damaged")
    return _read(file, length).decode("utf-8", "replace")


def _unpack(file: BinaryIO, form: str) -> tuple[int, ...]:
    return struct.unpack(form, _read(file, struct.calcsize(form)))


def _read(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise ValueError("it ends too early")
    return data
