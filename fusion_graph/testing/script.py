"""Which reply comes next: one model's script."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TypeAlias

from fusion_graph.testing.calls import ReceivedCall
from fusion_graph.testing.faults import Fault
from fusion_graph.testing.replies import Completion, Malformed, Reply, Text

Answer: TypeAlias = Reply | str
"""A reply; a string is short for `Text`."""
Responder: TypeAlias = Callable[[ReceivedCall], Answer | Awaitable[Answer]]
"""A function of the received call; it runs in the server's thread and must not block."""


class Script:
    """The replies of one model, one per call; the last one repeats.

    Attributes:
        rejects: Request fields that are answered by a 400 naming the field.
        ignores: Request fields that the script does not see.
    """

    def __init__(
        self,
        replies: Sequence[Answer | Responder],
        rejects: str | Collection[str] = (),
        ignores: str | Collection[str] = (),
    ) -> None:
        """Make a script.

        Args:
            replies: Replies or functions of the call.
            rejects: Request fields, or one of them.
            ignores: Request fields, or one of them.

        Raises:
            ValueError: There are no replies.
        """
        if not replies:
            raise ValueError("a script needs at least one reply")
        self._replies = tuple(replies)
        self.rejects = _names(rejects)
        self.ignores = _names(ignores)
        self._played = 0

    async def answer(self, call: ReceivedCall) -> Reply:
        """Return the reply to a call.

        Args:
            call: The call; its index is set.

        Returns:
            The next reply, or the error for a rejected field.

        Raises:
            Exception: Whatever a function of the script raised.
            TypeError: A function of the script returned no reply.
        """
        refused = sorted(name for name in self.rejects if call.body.get(name) is not None)
        if refused:
            return Fault.unsupported(refused[0])
        call.index = self._played
        planned = self._replies[min(self._played, len(self._replies) - 1)]
        self._played += 1
        if isinstance(planned, Reply | str):
            return _reply(planned)
        result = planned(call)
        return _reply(await result if inspect.isawaitable(result) else result)


def _names(given: str | Collection[str]) -> frozenset[str]:
    return frozenset([given] if isinstance(given, str) else given)


def _reply(answer: Answer) -> Reply:
    if isinstance(answer, str):
        return Text(answer)
    if not isinstance(answer, Completion | Fault | Malformed):
        raise TypeError(f"a script must return a reply or a string, not {answer!r}")
    return answer
