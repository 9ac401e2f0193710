"""An eye on a sandbox, from its beginning to its end."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fusion_graph.shell.processes import kill_group
from fusion_graph.shell.sandboxes import Policy

_OFTEN, _SELDOM = 0.1, 1.0
"""Seconds between two looks while a command runs, and while none should."""


class Watch:
    """Ends a sandbox that takes too much; a thread of its own, since it may not wait for a busy event loop.

    Attributes:
        fault: Why the sandbox was ended, if it was.
    """

    def __init__(self, policy: Policy, process: subprocess.Popen[str]) -> None:
        """Begin to watch.

        Args:
            policy: Says what is too much.
            process: What it launched.
        """
        self.fault: str | None = None
        self._policy, self._process = policy, process
        self._busy = self._over = False
        self._turn = threading.Event()
        threading.Thread(target=self._look, name="fusion-shell-watch", daemon=True).start()

    @contextmanager
    def closely(self) -> Iterator[None]:
        """Look often while the block runs."""
        self._busy = True
        self._turn.set()
        try:
            yield
        finally:
            self._busy = False

    def stop(self) -> None:
        """Look no more; a look that is under way is not waited for, and ends nothing."""
        self._over = True
        self._turn.set()

    def _look(self) -> None:
        while not self._over:
            self._turn.wait(_OFTEN if self._busy else _SELDOM)
            self._turn.clear()
            fault = None if self._over else self._policy.overdraft(self._process)
            if fault is not None and not self._over:
                self.fault = fault
                kill_group(self._process)
                return
