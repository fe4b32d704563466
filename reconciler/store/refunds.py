"""Keeps approved refunds: the decisions that explain the reversals that follow (policy section 6)."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any

import sqlalchemy as sa

from reconciler.errors import BadRecord
from reconciler.model import Kind, Status
from reconciler.money import Money, comparable, exponent, format_minor
from reconciler.schema import refund_approvals, transactions
from reconciler.schema_cases import disputes
from reconciler.store import audit
from reconciler.text import fold_uuid


@dataclass(frozen=True, slots=True)
class Recorded:
    """An approval on record. `new` is False when it was there before; `charge` is None when it is not pulled yet."""

    id: str
    provider: str
    ref: str
    money: Money
    by: str
    note: str
    at: datetime
    new: bool
    charge: Money | None


@dataclass(frozen=True, slots=True)
class Returned:
    """What went back of a charge, in its minor units; `uncompared` reversals are in money that cannot be added up."""

    minor: int
    uncompared: int


def record(
    connection: sa.Connection,
    provider: str,
    ref: str,
    money: Money,
    by: str,
    note: str,
    now: datetime,
    *,
    equivalents: Mapping[str, str],
) -> Recorded:
    """Store an approved refund of a charge, known or not yet; the same approval again changes nothing.

    Raises BadRecord when the ref is no charge, the approvals would together exceed it, or a chargeback of it stands
    (policy 6).
    """
    ref = fold_uuid(ref)
    id_ = _id(provider, ref, money, by, note)
    charge = _charge(connection, provider, ref)
    row = connection.execute(sa.select(refund_approvals).where(refund_approvals.c.id == id_)).one_or_none()
    if row is not None:
        return Recorded(id_, provider, ref, money, by, note, row.recorded_at, False, charge)
    if charge is not None:
        _check(connection, provider, ref, money, charge, equivalents)
    _check_disputes(connection, provider, ref)
    values = {
        "id": id_,
        "provider": provider,
        "ref": ref,
        "amount_minor": money.minor,
        "currency": money.currency,
        "decided_by": by,
        "note": note,
        "recorded_at": now,
    }
    connection.execute(sa.insert(refund_approvals).values(values))
    said = {"provider": provider, "ref": ref, "amount_minor": money.minor, "currency": money.currency}
    audit.record(connection, "refund.approved", id_, by, now, said)
    return Recorded(id_, provider, ref, money, by, note, now, True, charge)


def _id(provider: str, ref: str, money: Money, by: str, note: str) -> str:
    parts = (provider, ref, str(money.minor), money.currency, by, note)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _charge(connection: sa.Connection, provider: str, ref: str) -> Money | None:
    table = transactions.c
    row = connection.execute(sa.select(transactions).where(table.provider == provider, table.ref == ref)).one_or_none()
    if row is None:
        return None
    if row.kind != Kind.CHARGE:
        raise BadRecord(f"{provider} {ref} is a {row.kind}, not a charge{_hint(row)}")
    return Money(row.amount_minor, row.currency)


def _hint(row: Any) -> str:
    return f": name its charge, {row.parent_ref}" if row.parent_ref else ""


def _check(
    connection: sa.Connection, provider: str, ref: str, money: Money, charge: Money, equivalents: Mapping[str, str]
) -> None:
    """All approvals of a charge together never exceed it; a currency that cannot be compared is refused."""
    table = refund_approvals.c
    earlier = connection.execute(
        sa.select(table.amount_minor, table.currency).where(table.provider == provider, table.ref == ref)
    )
    sums = [_in_currency(money, charge, equivalents)]
    sums += [_in_currency(Money(row.amount_minor, row.currency), charge, equivalents) for row in earlier]
    total, limit = sum(sums), _amount(charge)
    if total > limit:
        before = f" with {_text(total - sums[0], charge)} approved before" if len(sums) > 1 else ""
        raise BadRecord(
            f"a refund of {format_minor(money.minor, money.currency)} {money.currency}{before} is more than "
            f"{provider} {ref} was paid: {_text(limit, charge)}"
        )


def _check_disputes(connection: sa.Connection, provider: str, ref: str) -> None:
    """While a chargeback stands a refund would give the money twice; what went back already may be explained."""
    table = disputes.c
    standing = sa.select(table.state).where(
        table.provider == provider, table.ref == ref, table.state.in_(["open", "lost"])
    )
    back = sa.select(transactions.c.ref).where(
        transactions.c.provider == provider, transactions.c.parent_ref == ref, transactions.c.status == Status.COMPLETED
    )
    state = connection.execute(standing.limit(1)).scalar()
    if state is not None and connection.execute(back.limit(1)).first() is None:
        raise BadRecord(
            f"a chargeback of {provider} {ref} is {state}, so the money would leave twice (policy 6): wait for its end"
        )


def _in_currency(money: Money, charge: Money, equivalents: Mapping[str, str]) -> Decimal:
    code = comparable(money.currency, dict(equivalents))
    if money.currency != charge.currency and (code is None or code != comparable(charge.currency, dict(equivalents))):
        raise BadRecord(
            f"the charge is in {charge.currency}, an approved refund of it in {money.currency}: a refund goes back in "
            f"the currency of its charge"
        )
    return _amount(money)


def _amount(money: Money) -> Decimal:
    return Decimal(money.minor).scaleb(-exponent(money.currency))


def _text(amount: Decimal, charge: Money) -> str:
    return f"{amount:.{exponent(charge.currency)}f} {charge.currency}"


def approved_minor(approvals: Iterable[Mapping[str, Any]], charge: Mapping[str, Any], equivalents: Any) -> int:
    """What was approved to go back of a charge, in its minor units.

    An approval recorded before its charge was known may be in a currency that cannot be compared: it counts whole,
    so that nothing more is given back before a person has looked.
    """
    paid = Money(charge["amount_minor"], charge["currency"])
    total = Decimal(0)
    for row in approvals:
        try:
            total += _in_currency(Money(row["amount_minor"], row["currency"]), paid, equivalents)
        except BadRecord:
            total += _amount(paid)
    return _minor(total, paid)


def returned(reversals: Sequence[Mapping[str, Any]], charge: Mapping[str, Any] | None, equivalents: Any) -> Returned:
    """What went back of a charge. Until the charge is known, the first of its reversals says in what money it is."""
    first = charge or next(iter(reversals), None)
    if first is None:
        return Returned(0, 0)
    paid, total, uncompared = Money(first["amount_minor"], first["currency"]), Decimal(0), 0
    for row in reversals:
        try:
            total += _in_currency(Money(row["amount_minor"], row["currency"]), paid, equivalents)
        except BadRecord:
            uncompared += 1
    return Returned(_minor(total, paid), uncompared)


def _minor(total: Decimal, paid: Money) -> int:
    return int((total * 10 ** exponent(paid.currency)).to_integral_value(ROUND_CEILING))
