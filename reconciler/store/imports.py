"""What the store already holds of the facts of an imported file: an import adds, and never overrules a provider."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from reconciler.errors import BadRecord
from reconciler.model import Order, Transaction
from reconciler.money import format_minor
from reconciler.schema import orders, raw_records, transactions
from reconciler.store import disputes
from reconciler.store.disputes import NewDispute

Fact = Transaction | Order | NewDispute
SOURCE = "import."
"""The sources of raw records that an import brought begin so."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How facts stand against the store: `new` ones, and a reason for each that contradicts it."""

    new: bool
    conflict: str = ""


class Known:
    """The stored rows that a page of facts could meet, read at once."""

    def __init__(self, connection: sa.Connection, provider: str, source: str, facts: Sequence[Fact]) -> None:
        """All facts are of one provider (or the shop's); `source` names what imports alone have told."""
        self._connection = connection
        refs = [fact.ref for fact in facts if isinstance(fact, Transaction)]
        placed = [fact.order_id for fact in facts if isinstance(fact, Order)]
        row, told = transactions.c, raw_records.c
        moved = sa.select(transactions).where(row.provider == provider, row.ref.in_(refs))
        ordered = sa.select(orders).where(orders.c.order_id.in_(placed))
        by_import = sa.select(told.key).where(
            told.provider == provider, told.source == source, told.key.in_([*refs, *placed])
        )
        self._moved = {row.ref: row for row in connection.execute(moved)} if refs else {}
        self._orders = {row.order_id: row for row in connection.execute(ordered)} if placed else {}
        self._told = set(connection.execute(by_import).scalars())

    def standing(self, fact: Fact) -> Standing:
        """Whether a fact is new, or why it cannot be; one that is known already is neither."""
        if isinstance(fact, NewDispute):
            return self._disputed(fact)
        if isinstance(fact, Order):
            return self._against(fact.order_id, f"order {fact.order_id}", self._orders.get(fact.order_id), fact)
        row = self._moved.get(fact.ref) or self._twin(fact)
        if row is not None and row.kind != fact.kind:
            return Standing(False, f"{fact.provider} {fact.ref} is on record as a {row.kind}, not a {fact.kind}")
        return self._against(fact.ref, f"{fact.provider} {fact.ref}", row, fact)

    def _disputed(self, fact: NewDispute) -> Standing:
        try:
            disputes.check(self._connection, fact)
        except BadRecord as error:
            return Standing(False, str(error))
        row = disputes.get(self._connection, fact.id)
        if row is not None and row["origin"] != fact.origin:
            stored, said = (row["amount_minor"], row["currency"]), (fact.money.minor, fact.money.currency)
            if stored != said:
                return Standing(False, _contradiction(f"the chargeback of {fact.provider} {fact.ref}", stored, said))
        return Standing(not disputes.is_told(self._connection, fact))

    def _against(self, key: str, name: str, row: Any, fact: Transaction | Order) -> Standing:
        if row is None:
            return Standing(True)
        stored, said = (row.amount_minor, row.currency), (fact.amount_minor, fact.currency)
        if stored == said:
            return Standing(False)
        if key in self._told and not getattr(row, "listed", False):
            return Standing(True)
        return Standing(False, _contradiction(name, stored, said))

    def _twin(self, fact: Transaction) -> Any | None:
        """The same movement as a webhook told it: of what has no id of its own, or of a refund, refs may differ."""
        row = transactions.c
        query = sa.select(transactions).where(
            row.provider == fact.provider,
            row.listed,
            row.kind == fact.kind,
            row.amount_minor == fact.amount_minor,
            row.currency == fact.currency,
        )
        if fact.parent_ref is not None:
            query = query.where(row.parent_ref == fact.parent_ref)
        elif ":" in fact.ref:
            query = query.where(
                row.occurred_at >= fact.occurred_at.replace(microsecond=0),
                row.occurred_at < fact.occurred_at.replace(microsecond=0) + timedelta(seconds=1),
                row.ref.startswith(f"{fact.ref.partition(':')[0]}:", autoescape=True),
                row.product_id.is_not_distinct_from(fact.product_id),
                row.telegram_user_id.is_not_distinct_from(fact.telegram_user_id),
                row.buyer_email.is_not_distinct_from(fact.buyer_email),
            )
        else:
            return None
        return self._connection.execute(query.order_by(row.ref).limit(1)).one_or_none()


def _contradiction(name: str, stored: tuple[int, str], said: tuple[int, str]) -> str:
    there, told = (f"{format_minor(*money)} {money[1]}" for money in (stored, said))
    return f"{name} is on record with {there}, and the file says {told}: find out which is right"
