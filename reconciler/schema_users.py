"""The tables of who may come in: users, their sessions and tokens, and the views that they have saved."""

from sqlalchemy import Column, ForeignKey, Index, PrimaryKeyConstraint, String, Table, Text
from sqlalchemy.types import JSON

from reconciler.columns import UtcTime, metadata

users = Table(
    "users",
    metadata,
    Column("name", String, primary_key=True),
    Column("role", String, nullable=False),
    Column("password", String, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("disabled_at", UtcTime),
)
"""`password` is an argon2 hash with its own salt and cost."""

web_sessions = Table(
    "web_sessions",
    metadata,
    Column("hash", String, primary_key=True),
    Column("user_name", String, ForeignKey("users.name"), nullable=False),
    Column("began_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Index(None, "user_name"),
)
"""Who is logged in; of the id in the cookie only a hash is kept."""

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", String, primary_key=True),
    Column("hash", String, nullable=False, unique=True),
    Column("user_name", String, ForeignKey("users.name"), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
    Index(None, "user_name"),
)

saved_views = Table(
    "saved_views",
    metadata,
    Column("user_name", String, ForeignKey("users.name"), nullable=False),
    Column("page", String, nullable=False),
    Column("name", String, nullable=False),
    Column("query", Text, nullable=False),
    PrimaryKeyConstraint("user_name", "page", "name"),
)
"""Filters under a name: `query` is the part of the address behind the question mark."""
