"""The temporary tables that the plan reads and writes: its inputs, and one for each step.

All times are microseconds since 1970, all money whole minor units, all yes-or-no values 0 or 1, and all text sorts
by code point: nothing is left to an engine's taste.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table
from sqlalchemy.sql.type_api import TypeEngine

relations = MetaData()

Key: TypeEngine[str] = String().with_variant(String(collation="C"), "postgresql")


def _table(name: str, *columns: Column[int] | Column[str] | Index) -> Table:
    return Table(name, relations, *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")


def _text(*names: str) -> list[Column[str]]:
    return [Column(name, Key) for name in names]


def _whole(*names: str) -> list[Column[int]]:
    return [Column(name, BigInteger) for name in names]


def _flags(*names: str) -> list[Column[int]]:
    return [Column(name, Integer, nullable=False) for name in names]


charge = _table(
    "m_charge",
    *_text("provider", "ref", "group_ref", "currency", "money", "account_id", "telegram", "email"),
    *_text("product_id", "title", "code_hash"),
    *_whole("amount_minor", "occurred_us"),
    *_flags("shared", "recurring", "unclaimed", "looked_up", "history", "reversed", "approved"),
    Index("mi_charge_ref", "ref"),
    Index("mi_charge_group", "group_ref"),
    Index("mi_charge_code", "code_hash"),
)
"""Paid charges. `money` is the comparable currency or null; `looked_up` is 1 once the provider said whether the code
was presented; `history` is 1 before the feed's own beginning; `approved` is 1 when a refund of it is on record."""

echo = _table("m_echo", *_text("provider", "ref", "value"), Index("mi_echo", "ref"))
"""The shop's own ids as charges carry them."""

order = _table(
    "m_order",
    *_text("order_id", "provider", "provider_ref", "code_hash", "account_id", "telegram", "email", "product_id"),
    *_text("currency", "money", "status"),
    *_whole("amount_minor", "created_us", "delivered_us", "updated_us"),
    *_whole("credits_ordered_micro", "credits_micro", "credits_used_micro"),
    *_flags("delivered", "named", "findable", "absence"),
    Index("mi_order_id", "order_id"),
    Index("mi_order_ref", "provider_ref"),
    Index("mi_order_code", "code_hash"),
)
"""The shop's orders. `named` is 1 when the order or the shop's payments name a reference; `findable` is 1 when the
provider's feed would have to show its charge. `absence` says what is known of a named reference: 0 nothing, 1 the
provider knows no such charge, 2 it knows it as not paid, 3 it is paid, but by fewer charges than orders name it."""

payment = _table("m_payment", *_text("order_id", "provider", "provider_ref"), Index("mi_payment", "provider_ref"))

claim = _table(
    "m_claim", *_text("provider", "ref", "order_id"), *_whole("strength"), Index("mi_claim", "provider", "ref")
)
"""Every tie that a reference states, before conflicts are looked for; the lowest `strength` is the strongest."""

member = _table("m_member", *_text("provider", "group_ref", "order_id"), Index("mi_member", "group_ref"))
"""Orders that name, or are echoed by, a provider's order that several charges may share."""

contested = _table("m_contested", *_text("provider", "ref", "order_id"), Index("mi_contested", "provider", "ref"))
"""Charges that more than one order claims, with each of those orders."""

tie = _table(
    "m_tie",
    *_text("provider", "ref", "order_id", "rule"),
    Index("mi_tie_ref", "provider", "ref"),
    Index("mi_tie_order", "order_id"),
)
"""The result: which order each charge paid for, and the rule that says so."""

free_charge = _table(
    "m_free_charge",
    *_text("provider", "ref", "money", "account_id", "telegram", "email", "product_id", "code_hash"),
    *_whole("amount_minor", "occurred_us"),
    Index("mi_free_charge", "money", "amount_minor"),
)
"""Charges that no reference has tied or disputed."""

free_order = _table(
    "m_free_order",
    *_text("order_id", "provider", "code_hash", "account_id", "telegram", "email", "product_id", "money"),
    *_whole("amount_minor", "created_us"),
    *_flags("delivered", "named"),
    Index("mi_free_order", "money", "amount_minor"),
)
"""Orders that hold no charge and are not in dispute."""

edge = _table(
    "m_edge",
    *_text("provider", "ref", "order_id"),
    *_whole("distance_us"),
    *_flags("late", "contradicts"),
    Index("mi_edge_ref", "provider", "ref"),
    Index("mi_edge_order", "order_id"),
)
"""Pairs that the fallback may take. `late` is 1 when the order is not delivered: delivered ones go first."""

pair = _table("m_pair", *_text("provider", "ref", "order_id"), Index("mi_pair", "order_id"))
"""The mutually best pairs of the current round."""

likely = _table(
    "m_likely",
    *_text("provider", "ref", "order_id"),
    Index("mi_likely_ref", "provider", "ref"),
    Index("mi_likely_order", "order_id"),
)
"""Pairs that the fallback would have taken but for a contradicting reference."""

surplus = _table(
    "m_surplus",
    *_text("provider", "ref", "subject", "kept_provider", "kept_ref"),
    Index("mi_surplus", "provider", "ref"),
)
"""Charges that pay a purchase again; `subject` names the purchase, `kept_…` the charge that stands."""

reversal = _table(
    "m_reversal",
    *_text("provider", "ref", "parent_ref", "kind", "status", "currency", "money", "reason"),
    *_whole("amount_minor", "occurred_us"),
    *_flags("seller_started"),
    Index("mi_reversal", "provider", "parent_ref"),
)
"""Refunds and chargebacks that were not withdrawn."""

account = _table(
    "m_account",
    *_text("account_id", "telegram", "email", "status"),
    *_whole("balance_micro", "unused_micro"),
    Index("mi_account", "account_id"),
)
"""The shop's accounts; `unused_micro` is what its delivered orders have left, 0 where none is refunded."""

approval = _table(
    "m_approval",
    *_text("id", "provider", "ref", "currency", "money", "decided_by"),
    *_whole("amount_minor", "recorded_us"),
    Index("mi_approval", "provider", "ref"),
)
"""Refunds that an operator approved."""

dispute = _table(
    "m_dispute",
    *_text("id", "provider", "ref", "currency", "reason_code", "state", "stage"),
    *_whole("amount_minor", "opened_us"),
    Index("mi_dispute", "provider", "ref"),
)
"""Chargebacks on record, by an operator or an import; in the state `signal` one is only expected."""

signal = _table("m_signal", *_text("provider", "ref", "name", "text"))
"""Signs of coming disputes, as long as they last."""

unread = _table("m_unread", *_text("provider", "source", "key", "reason"))
"""Records that could not be understood."""

INPUTS = (account, charge, echo, order, payment, reversal, approval, dispute, signal, unread)
"""Tables that the caller fills before the plan runs."""
