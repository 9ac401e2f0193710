"""A scripted model server in a process of its own, so that neither its CPU nor its memory is measured."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from fusion_graph.testing import ScriptedServer

DRAFT = "A report of some length. " * 40
ANALYSIS = json.dumps(
    {"consensus": [], "contradictions": [], "partial_coverage": [], "unique_insights": [], "blind_spots": ["all"]}
)


def _serve(prepare: Callable[[ScriptedServer, float], None], argument: float, pipe: Connection) -> None:
    with ScriptedServer() as server:
        prepare(server, argument)
        pipe.send(server.base_url)
        pipe.recv()


@contextmanager
def model_server(prepare: Callable[[ScriptedServer, float], None], argument: float) -> Iterator[str]:
    """Run the server.

    Args:
        prepare: Scripts the server; a function at the top of a module.
        argument: What it is given besides.

    Yields:
        The server's base URL.
    """
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(prepare, argument, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join(timeout=10)
