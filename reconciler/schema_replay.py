"""The tables that let a day's result be recomputed: what was read when, and what each run was judged with."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)
from sqlalchemy.types import JSON

from reconciler.columns import BigId, UtcTime, metadata

readings = Table(
    "readings",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False),
    Column("feed", String, nullable=False),
    Column("said", Text, nullable=False),
    Index(None, "at"),
)
"""What came of a page, in the order of storing: `said` names the raw records that were new, that came back in an
earlier form or whose facts are dated by the look, and tells what no record does (see `store.readings`)."""

kept_texts = Table(
    "kept_texts",
    metadata,
    Column("digest", String, nullable=False),
    Column("text", Text, nullable=False),
    PrimaryKeyConstraint("digest"),
)
"""Texts that many readings and runs share, each once."""

run_inputs = Table(
    "run_inputs",
    metadata,
    Column("run_id", BigInteger, primary_key=True, autoincrement=False),
    Column("last_reading", BigInteger, nullable=False),
    Column("version", String, nullable=False),
    Column("settings", String, nullable=False),
    Column("feeds", JSON, nullable=False),
    Column("books", JSON, nullable=False),
)
"""What a run was judged with besides facts: how far the readings had come, the program, the settings, the feeds, and
the books of the pull, such as gaps. `settings` and `books` name kept texts."""

replay_bases = Table(
    "replay_bases",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("reading", BigInteger, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("digest", String, nullable=False),
)
"""A copy of the facts as of one reading of the log: whoever has it needs nothing that was read before (see
`store.bases`). `digest` is that of all its parts."""

replay_base_parts = Table(
    "replay_base_parts",
    metadata,
    Column("base_id", BigInteger, nullable=False, autoincrement=False),
    Column("number", Integer, nullable=False, autoincrement=False),
    Column("name", String, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("base_id", "number"),
)
"""Some rows of the table `name`: compressed lines of JSON, the columns' names first."""
