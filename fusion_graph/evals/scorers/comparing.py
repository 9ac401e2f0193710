"""When two values are the same for scoring.

Texts are compared in Unicode's form NFKC, without regard to case, with runs of white space as one space, and without
quotes, asterisks and backquotes around them or a full stop at their end. A number is the same as its text: thousands
separators (`1,234.50`), a currency sign before it and trailing zeros do not count. `true` is only `true`. Lists are the
same in any order; objects, field by field.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable
from decimal import Decimal, InvalidOperation
from typing import Any

_AROUND = " \"'`*_\u201c\u201d\u2018\u2019"
_NUMBER = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?|[-+]?\d+(\.\d+)?(e[-+]?\d{1,3})?")
_CURRENCY = re.compile(r"^([-+]?)\s?[$€£¥]\s?")


def same(given: Any, expected: Any) -> bool:
    """Tell whether an answer's value is the expected one.

    Args:
        given: The answer's value, as JSON has it.
        expected: The task's value.

    Returns:
        Whether they are the same after normalisation.
    """
    return normal_form(given) == normal_form(expected)


def normal_form(value: Any) -> Hashable:
    """Return the form in which a value is compared.

    Args:
        value: Any JSON value.

    Returns:
        The same form for all values that count as the same.
    """
    if value is None or isinstance(value, bool):
        return ("constant", value)
    if isinstance(value, int | float | Decimal):
        return _number(str(value)) or ("text", str(value).casefold())
    if isinstance(value, dict):
        return ("object", tuple(sorted((str(name), repr(normal_form(entry))) for name, entry in value.items())))
    if isinstance(value, list | tuple):
        return ("list", tuple(sorted(repr(normal_form(entry)) for entry in value)))
    text = _plain(str(value))
    return _number(text) or ("text", text)


def _plain(text: str) -> str:
    words = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return words.strip(_AROUND).removesuffix(".").strip(_AROUND)


def _number(text: str) -> tuple[str, str] | None:
    bare = _CURRENCY.sub(r"\1", text.strip().casefold())
    if _NUMBER.fullmatch(bare) is None:
        return None
    try:
        value = Decimal(bare.replace(",", ""))
    except InvalidOperation:
        return None
    return ("number", "0" if value == 0 else str(value.normalize()))
