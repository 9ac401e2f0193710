"""The tables of what is kept for clients; JSON is stored as ASCII text, which every database takes whatever it says."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text

from fusion_graph.server.database import metadata

ID = String(80)
"""Ids of ours: a prefix and 32 hexadecimal digits."""

RESPONSES = Table(
    "fusion_responses",
    metadata,
    Column("id", ID, primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("status", String(16), nullable=False),
    Column("background", Boolean, nullable=False),
    Column("thread_id", String(80), nullable=False),
    Column("plan", Text, nullable=False),
    Column("input", Text, nullable=False),
    Column("response", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("conversation", ID),
    Column("again", Text),
    Column("process", String(40)),
    Column("cancel", Boolean, nullable=False, default=False),
    Column("cursor", Text),
    Column("finished_at", Float),
    Index("fusion_responses_by_owner", "owner", "created_at"),
    Index("fusion_responses_by_status", "status", "finished_at"),
    Index("fusion_responses_by_conversation", "conversation"),
)
EVENTS = Table(
    "fusion_response_events",
    metadata,
    Column("response_id", ID, primary_key=True),
    Column("sequence_number", Integer, primary_key=True),
    Column("event", Text, nullable=False),
)
CONVERSATIONS = Table(
    "fusion_conversations",
    metadata,
    Column("id", ID, primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False, index=True),
    Column("metadata", Text, nullable=False),
)
ITEMS = Table(
    "fusion_conversation_items",
    metadata,
    Column("at", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("conversation", ID, nullable=False, index=True),
    Column("id", String(220), nullable=False),
    Column("item", Text, nullable=False),
)
CLAIMS = Table(
    "fusion_idempotency",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("body_hash", String(64), nullable=False),
    Column("holder", String(80), nullable=False),
    Column("process", String(40), nullable=False),
    Column("response_id", ID, index=True),
    Column("media_type", String(100)),
    Column("reply", Text),
    Column("generation_id", ID),
    Column("expires_at", Float, nullable=False, index=True),
)
GENERATIONS = Table(
    "fusion_generations",
    metadata,
    Column("id", ID, primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("created_at", Float, nullable=False, index=True),
    Column("generation", Text, nullable=False),
)
PROCESSES = Table(
    "fusion_processes",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("alive_until", Float, nullable=False),
    Column("alone", Boolean, nullable=False),
)


def packed(data: Any) -> str:
    """Write JSON for a column."""
    return json.dumps(data, separators=(",", ":"))


def unpacked(text: str) -> Any:
    """Read what `packed` wrote."""
    return json.loads(text)
