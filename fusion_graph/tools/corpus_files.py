"""The files of a corpus folder: which there are, which changed, what they say. It reads the disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fusion_graph.errors import ConfigError
from fusion_graph.tools.extract import Extracted, UnreadableError, decode, html_text, pdf_text
from fusion_graph.tools.passages import first_heading

MAX_FILE_BYTES = 20_000_000
MAX_PDF_PAGES = 2000
MAX_PDF_SECONDS = 60.0
TEXT_SUFFIXES = frozenset({".md", ".markdown", ".txt"})
HTML_SUFFIXES = frozenset({".html", ".htm"})
SUFFIXES = TEXT_SUFFIXES | HTML_SUFFIXES | {".pdf"}
_OUTSIDE = "it is a link that leads outside the folder"
_NO_FILE = "it is a pipe or a device, no file"
_TOO_LARGE = f"it is larger than {MAX_FILE_BYTES:,} bytes"

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Listing:
    """What a folder holds.

    Attributes:
        files: Relative POSIX path to a stamp that changes when the file does, sorted by path.
        skipped: Relative POSIX path to the reason why a file is left out.
    """

    files: dict[str, Stamp]
    skipped: dict[str, str]


def list_files(folder: Path) -> Listing:
    """List the documents of a folder, subfolders included.

    Args:
        folder: The folder.

    Returns:
        Its documents. Hidden files and folders are passed over; linked folders are not entered; a link that
        leads outside and a file over the size limit are skipped with a reason.

    Raises:
        ConfigError: The folder does not exist.
    """
    root = folder.resolve()
    if not root.is_dir():
        raise ConfigError(f"corpus: {str(folder)!r} is not a folder")
    files: dict[str, Stamp] = {}
    skipped: dict[str, str] = {}
    for path in _documents(root):
        name = path.relative_to(root).as_posix()
        try:
            files[name] = _stamp(path, root)
        except (OSError, UnreadableError) as error:
            skipped[name] = _reason(error)
    return Listing(dict(sorted(files.items())), skipped)


def read_document(folder: Path, name: str) -> Extracted:
    """Read one document.

    Args:
        folder: The folder.
        name: Its relative POSIX path, as `list_files` gave it.

    Returns:
        Its title (the file's name if it has none) and its text, Markdown where the source has structure.

    Raises:
        UnreadableError: It cannot be read; the message says why.
    """
    root = folder.resolve()
    path = root / name
    try:
        _stamp(path, root)
        data = _read(path, root)
    except OSError as error:
        raise UnreadableError(_reason(error)) from error
    document = _extracted(data, path.suffix.lower())
    if not document.text.strip():
        raise UnreadableError("the file is empty")
    return Extracted(document.title or first_heading(document.text) or PurePosixPath(name).stem, document.text)


def _documents(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and _is_plain(name))
        for name in names:
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES and _is_plain(name):
                yield Path(folder, name)


def _is_plain(name: str) -> bool:
    return name.isprintable()


def _stamp(path: Path, root: Path) -> Stamp:
    if not _real(path).is_relative_to(root):
        raise UnreadableError(_OUTSIDE)
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise UnreadableError(_NO_FILE)
    if facts.st_size > MAX_FILE_BYTES:
        raise UnreadableError(_TOO_LARGE)
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


def _read(path: Path, root: Path) -> bytes:
    """Read a file that was just checked, but no link or pipe that was put in its place since."""
    try:
        inside = _real(path).relative_to(root)
    except ValueError as error:
        raise UnreadableError(_OUTSIDE) from error
    with open(_descriptor(root, inside.parts), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise UnreadableError(_NO_FILE)
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise UnreadableError(_TOO_LARGE)
    return data


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # `resolve` fails on links in a circle, in a way of its own


def _descriptor(root: Path, parts: Sequence[str]) -> int:
    """Open a file below a folder, step by step, so that no link is followed on the way."""
    if os.open not in os.supports_dir_fd:
        return os.open(root.joinpath(*parts), os.O_RDONLY)
    *folders, name = parts
    at = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for folder in folders:
        above = at
        try:
            at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
        finally:
            os.close(above)
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
    finally:
        os.close(at)


def _extracted(data: bytes, suffix: str) -> Extracted:
    if suffix == ".pdf":
        return pdf_text(data, MAX_PDF_PAGES, MAX_PDF_SECONDS)
    if suffix in HTML_SUFFIXES:
        return html_text(decode(data))
    return Extracted("", decode(data))


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, UnreadableError) else getattr(error, "strerror", None) or "unreadable"
