"""Text that can be encoded: what JSON with halves of surrogate pairs in it left behind is mended."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator


def well_formed(text: str) -> str:
    """Mend text so that it can be sent and saved as UTF-8.

    Args:
        text: Any text; servers that cut a stream inside an emoji send it as two halves.

    Returns:
        The text with the halves of a pair joined, and each half that stands alone replaced by U+FFFD.
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


WellFormed = Annotated[str, AfterValidator(well_formed)]
"""A field that holds well-formed text."""
