"""The temporary tables of a scope: what is in it, and what the rows of a round say of their buyers and links."""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table

tables = MetaData()


def _table(name: str, *columns: Column[Any] | Index) -> Table:
    return Table(name, tables, *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")


def _columns(kind: Any, *names: str) -> list[Column[Any]]:
    return [Column(name, kind) for name in names]


in_scope = _table(
    "s_transaction",
    *_columns(String, "provider", "ref"),
    *_columns(Integer, "round"),
    Index("si_transaction", "provider", "ref", unique=True),
    Index("si_transaction_round", "round"),
)
"""Keys of transactions, known or only named; `round` is how many links away from a change they are."""

orders_in_scope = _table(
    "s_order",
    *_columns(String, "order_id"),
    *_columns(Integer, "round"),
    Index("si_order", "order_id", unique=True),
    Index("si_order_round", "round"),
)

records_in_scope = _table(
    "s_record", *_columns(String, "provider", "source", "key"), Index("si_record", "provider", "source", "key")
)
"""Records that came into quarantine or left it."""

accounts_in_scope = _table("s_account", *_columns(String, "account_id"), Index("si_account", "account_id"))
"""The accounts that orders and charges of the scope belong to."""

BY_KEY = (in_scope, records_in_scope, orders_in_scope, accounts_in_scope)
"""The tables that say what is in scope, each by the columns that name a row, the most telling first."""

buying = _table(
    "s_buying",
    *_columns(String, "side", "how", "value"),
    *_columns(BigInteger, "amount_minor", "at"),
    *_columns(Integer, "round"),
    Index("si_buying_round", "round", "how", "value"),
    Index("si_buying", "value", "at", "side", "how", "amount_minor"),
)
"""Who bought for how much and when, by each name of the buyer, on the `charge` or the `order` side; each once."""

own = _table(
    "s_own",
    *_columns(String, "provider", "ref", "kind", "group_ref", "parent_ref", "code_hash"),
    *_columns(String, "account_id", "telegram_user_id", "buyer_email"),
    *_columns(BigInteger, "amount_minor", "occurred_at"),
)
held = _table(
    "s_held",
    *_columns(String, "order_id", "provider", "provider_ref", "code_hash"),
    *_columns(String, "account_id", "telegram_user_id", "buyer_email"),
    *_columns(BigInteger, "amount_minor", "created_at"),
)
"""The rows of the round that is looked at, by what links them: each is read in the past once, not for every link."""
