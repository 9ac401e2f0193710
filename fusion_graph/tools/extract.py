"""Text out of documents: HTML and PDF become Markdown, bytes become text. CPU work; call it in a thread."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass

from fusion_graph.errors import FusionError
from fusion_graph.tools.page_limits import MAX_TAGS, bounded

MAX_PDF_PAGES = 200
MAX_PDF_SECONDS = 20.0
MAX_TITLE = 300


class UnreadableError(FusionError):
    """A document holds no text that can be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """A document's title (empty if it has none) and its text, Markdown where the source has structure."""

    title: str
    text: str


def decode(data: bytes, charset: str | None = None) -> str:
    """Turn bytes into text without ever failing.

    Args:
        data: The bytes.
        charset: The encoding that the sender declared, if any; an unknown or wrong one is passed over.

    Returns:
        The text; bytes that fit no encoding become replacement characters.
    """
    from trafilatura.utils import detect_encoding  # noqa: PLC0415

    for encoding in (charset or "utf-8-sig", "utf-8-sig", *detect_encoding(data)):
        try:
            return data.decode(encoding)
        except (LookupError, ValueError):
            continue
    return data.decode("utf-8", errors="replace")


def html_text(html: str, url: str | None = None) -> Extracted:
    """Take the main text out of a web page.

    Args:
        html: The page's source.
        url: Its address, which helps to tell content from navigation.

    Returns:
        Title and Markdown.

    Raises:
        UnreadableError: There is no text in it.
    """
    try:
        return _html_text(html, url)
    except UnreadableError:
        raise
    except Exception as error:  # a strange page can fail anywhere inside the parser
        raise UnreadableError(f"the page cannot be read ({type(error).__name__})") from error


def _html_text(html: str, url: str | None) -> Extracted:
    from trafilatura import extract_with_metadata, html2txt  # noqa: PLC0415

    html, whole = bounded(html)
    document = extract_with_metadata(html, url=url, output_format="markdown", include_comments=False)
    title = (document.title if document else None) or ""
    # The Markdown starts with a YAML header of metadata, every value on one line.
    text = (document.text if document else None) or ""
    text = text.partition("\n---\n")[2] if text.startswith("---\n") else text
    text = text or html2txt(html) or html2txt(f"<html><body>{html}</body></html>")
    if not text.strip():
        raise UnreadableError("the page holds no readable text; it may need JavaScript")
    note = "" if whole else f"\n\n[the page has more than {MAX_TAGS:,} tags; what follows them was not read]"
    return Extracted(_one_line(title), text.strip() + note)


def pdf_text(data: bytes, max_pages: int = MAX_PDF_PAGES, seconds: float = MAX_PDF_SECONDS) -> Extracted:
    """Take the text out of a PDF file.

    Args:
        data: The file.
        max_pages: Pages read at most.
        seconds: Time after which no further page is begun.

    Returns:
        Title and text, each page under a heading `## Page N`; what was left out is said at the end.

    Raises:
        UnreadableError: It is broken, encrypted, or holds no text.
    """
    try:
        return _pdf_text(data, max_pages, seconds)
    except UnreadableError:
        raise
    except Exception as error:  # a broken file can fail anywhere inside the parser
        raise UnreadableError(f"the PDF cannot be read ({type(error).__name__})") from error


def _pdf_text(data: bytes, max_pages: int, seconds: float) -> Extracted:
    from pypdf import PdfReader  # noqa: PLC0415

    until = time.monotonic() + seconds
    reader = PdfReader(io.BytesIO(data))
    total = len(reader.pages)
    blocks: list[str] = []
    for number, page in enumerate(reader.pages, start=1):
        if number > max_pages or time.monotonic() > until:
            blocks.append(f"[pages {number} to {total} were not read]")
            break
        text = page.extract_text().strip()
        if text:
            blocks.append(f"## Page {number}\n\n{text}")
    if not any(block.startswith("## ") for block in blocks):
        raise UnreadableError("the PDF holds no text; its pages may be images")
    title = reader.metadata.title if reader.metadata else None
    return Extracted(_one_line(title or ""), "\n\n".join(blocks))


def _one_line(title: str) -> str:
    return " ".join(title.split())[:MAX_TITLE]
