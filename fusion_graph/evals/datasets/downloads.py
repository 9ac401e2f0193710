"""Files that are downloaded once, checked by their digest, and kept in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx

from fusion_graph.evals.datasets.errors import DatasetError

_CHUNK = 1 << 20
_MOST_BYTES = 200_000_000
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)


def sha256_of(path: Path) -> str:
    """Digest a file without holding it in memory.

    Args:
        path: The file.

    Returns:
        The SHA-256 of its bytes, in hex.

    Raises:
        DatasetError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DatasetError(f"dataset {str(path)!r} cannot be read: {error.strerror or error}") from error


def cache_folder() -> Path:
    """Return where downloaded datasets are kept: `fusion-graph/datasets` below `XDG_CACHE_HOME`, else `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "fusion-graph" / "datasets"


def fetch(url: str, sha256: str, path: Path, *, hint: str) -> Path:
    """Return a file that is already there with the right content, or download it.

    It blocks; in async code, call it in a thread. A download that is broken off or wrong leaves nothing behind.

    Args:
        url: Where it is.
        sha256: The digest of its bytes.
        path: Where it is kept.
        hint: What to do instead where the download fails, for error messages.

    Returns:
        The path.

    Raises:
        DatasetError: The download failed, or what came is not what was asked for.
    """
    if path.is_file() and sha256_of(path) == sha256:
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _put_in_place(path) as (file, temporary):
            _download(url, file)
            found = sha256_of(temporary)
            if found != sha256:
                raise DatasetError(f"{url}: its sha256 is {found}, not {sha256}: it was changed on the way; {hint}")
    except httpx.HTTPError as error:
        raise DatasetError(f"{url} could not be downloaded: {error or type(error).__name__}; {hint}") from error
    except OSError as error:
        raise DatasetError(f"{str(path)!r} could not be written: {error.strerror or error}; {hint}") from error
    return path


def _download(url: str, file: IO[bytes]) -> None:
    with httpx.stream("GET", url, follow_redirects=True, timeout=_TIMEOUT) as response:
        response.raise_for_status()
        for chunk in response.iter_bytes(_CHUNK):
            file.write(chunk)
            if file.tell() > _MOST_BYTES:
                raise DatasetError(f"{url}: it is longer than {_MOST_BYTES:,} bytes, so it is not the file asked for")
    file.flush()


@contextmanager
def _put_in_place(path: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """Give a temporary file that takes the path's place if all goes well, and goes away if not."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            yield file, temporary
            file.close()
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
