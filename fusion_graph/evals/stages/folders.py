"""What a folder of files holds, as one digest."""

from __future__ import annotations

import hashlib
from pathlib import Path


def folder_digest(folder: Path) -> str:
    """Return the SHA-256 over names and contents of a folder's files; it reads them all, so call it in a thread.

    Args:
        folder: The folder.

    Returns:
        Hexadecimal; the same wherever the folder is.
    """
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not _hidden(path, folder)):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{path.relative_to(folder).as_posix()}\0{content}\0".encode("utf-8", "surrogatepass"))
    return whole.hexdigest()


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)
