"""The table of erased buyers: keyed hashes, by which a later reading knows what must not come back."""

from sqlalchemy import Column, String, Table

from reconciler.columns import UtcTime, metadata

erasures = Table(
    "erasures",
    metadata,
    Column("hash", String, primary_key=True),
    Column("key", String, nullable=False),
    Column("erased_at", UtcTime, nullable=False),
)
"""`hash` is of an e-mail address or a Telegram id, under `key`, a random one that is the same in all rows."""
