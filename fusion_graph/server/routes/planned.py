"""Planning, off the event loop: a body can be large."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from fusion_graph.errors import FusionError
from fusion_graph.server.failed_runs import refused
from fusion_graph.server.planning import ChatPlan, MessagesPlan, ResponsesPlan, detected
from fusion_graph.server.services import Services

Asked = TypeVar("Asked", ChatPlan, ResponsesPlan, MessagesPlan)


async def planned(held: Services, plan: Callable[[], Asked]) -> Asked:
    """Plan a request.

    Args:
        held: The app's services.
        plan: Plans it.

    Returns:
        The plan, with the models that the server finds where it names none.

    Raises:
        ApiError: The request cannot be planned.
    """
    try:
        asked = await asyncio.to_thread(plan)
        return replace(asked, plan=await detected(asked.plan, held.kit))
    except FusionError as error:
        raise refused(error) from error
