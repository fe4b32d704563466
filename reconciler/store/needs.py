"""Which charges have to be looked at one by one, and when again: the fewest that the rules allow.

Some rules look at the young charges alone, the others at any: what those may ask for is kept as loose ends
(`store/loose.py`), so that a pull need not search the past.
"""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, ColumnElement, Select

from reconciler.columns import to_us
from reconciler.findings import OPEN
from reconciler.matching.inputs import ANY_REF, FINDABLE_REFS, NEEDS_LOOK, is_delivered
from reconciler.matching.lookups import checked, there_is
from reconciler.schema import charge_states, findings, matches, orders, payments, refund_approvals, transactions
from reconciler.store.findings import parts
from reconciler.store.looks import failed_refs
from reconciler.store.loose import Refs, suspects

YOUNG = timedelta(days=15)
FRESH = timedelta(days=3)
SWEPT = timedelta(days=175)
ROTA = timedelta(days=1)
ROTA_LIMIT = 600
FRESH_LIMIT = 60
FINDINGS_LIMIT = 200
OPEN_LIMIT = 3000
_PATIENCE = 48
"""An open charge is looked at again when a 48th of its age has passed: soon while it is young, rarely later."""


def refs_to_read(connection: sa.Connection, provider: str, now: datetime) -> list[str]:
    """The refs of one provider that need a look now, each once, the most urgent first; failed ones are tried apart."""
    among = suspects(connection, provider)
    queries = [_named_by_orders(provider, now, among), _awaited(provider, now, among), _old_recurring(provider, now)]
    if provider in NEEDS_LOOK:
        queries += [
            _reversed(provider, among),
            _open(provider, now, among),
            _fresh(provider, now),
            _rota(provider, now),
        ]
    else:
        queries += [_pending(provider, now)]
    refs: dict[str, None] = {}
    for query in queries:
        refs |= dict.fromkeys(connection.execute(query).scalars())
    if provider in NEEDS_LOOK:
        refs |= dict.fromkeys(_with_findings(connection, provider))
    failed = failed_refs(connection, provider)
    return [ref for ref in refs if ref not in failed]


def loose_ends(provider: str, among: Refs | None) -> list[Select[Any]]:
    """The refs that those rules may ask to look at, now or later, which the past has to be searched for."""
    queries = [_named_by_orders(provider, None, among), _awaited(provider, None, among)]
    if provider in NEEDS_LOOK:
        queries += [_reversed(provider, among), _open(provider, None, among)]
    return [query.order_by(None).limit(None) for query in queries]


def _named(provider: str, among: Refs | None, *statuses: str) -> Any:
    """The references that orders in these states name, or the shop's payments for them, one row for each order."""
    form = FINDABLE_REFS.get(provider, ANY_REF)
    order = (orders.c.order_id, orders.c.created_at, orders.c.updated_at)
    status = checked(orders.c.status)
    by_order = sa.select(orders.c.provider_ref.label("ref"), *order).where(
        orders.c.provider == provider,
        status.in_(statuses),
        orders.c.provider_ref.like(form),
        _is_among(orders.c.provider_ref, among),
    )
    by_payment = (
        sa.select(payments.c.provider_ref, *order)
        .join(orders, orders.c.order_id == payments.c.order_id)
        .where(payments.c.provider == provider, payments.c.provider_ref.like(form), status.in_(statuses))
        .where(_is_among(payments.c.provider_ref, among))
    )
    return sa.union(by_order, by_payment).subquery()


def _named_by_orders(provider: str, now: datetime | None, among: Refs | None) -> Select[Any]:
    """References of delivered and refunded orders without a charge: looked up before absence is concluded.

    What was read before the order last changed says nothing about it: a payment may have come since, of an order that
    was pending then, or one more for an order that several share.
    """
    named = _named(provider, among, "delivered", "refunded")
    same = sa.and_(transactions.c.provider == provider, transactions.c.ref == named.c.ref)
    paid = there_is(transactions, same, transactions.c.status == "paid", sa.not_(transactions.c.shared))
    held = sa.and_(there_is(transactions, same), there_is(matches, matches.c.order_id == named.c.order_id))
    return (
        sa.select(named.c.ref)
        .outerjoin(charge_states, _state_of(provider, named.c.ref))
        .where(~held, ~paid, sa.or_(charge_states.c.read_at < named.c.updated_at, _due_again(named.c.created_at, now)))
        .order_by(_read_us(), named.c.ref)
        .limit(OPEN_LIMIT)
    )


def _awaited(provider: str, now: datetime | None, among: Refs | None) -> Select[Any]:
    """Charges whose refund was approved, by the shop's order or on record, and that no reversal has shown yet.

    No list shows the refund of a sale that is older than the sweep reaches.
    """
    form = FINDABLE_REFS.get(provider, ANY_REF)
    named = _named(provider, among, "refunded")
    approved = sa.union(
        sa.select(named.c.ref, named.c.updated_at.label("since")),
        sa.select(refund_approvals.c.ref, refund_approvals.c.recorded_at).where(
            refund_approvals.c.provider == provider,
            refund_approvals.c.ref.like(form),
            _is_among(refund_approvals.c.ref, among),
        ),
    ).subquery()
    row = transactions.c
    back = there_is(transactions, row.provider == provider, row.parent_ref == approved.c.ref)
    return (
        sa.select(approved.c.ref)
        .outerjoin(charge_states, _state_of(provider, approved.c.ref))
        .where(~back, _due_again(approved.c.since, now))
        .order_by(approved.c.ref)
        .limit(OPEN_LIMIT)
    )


def _pending(provider: str, now: datetime) -> Select[Any]:
    """Young charges that were not paid yet: they may be paid after the last window that shows them."""
    row = transactions
    return (
        _since(provider, now - YOUNG)
        .where(
            row.c.status.in_(["pending", "prepaid", "unknown"]),
            row.c.ref.like(FINDABLE_REFS.get(provider, ANY_REF)),
            _due_again(row.c.occurred_at, now),
        )
        .order_by(row.c.occurred_at.desc(), row.c.ref)
        .limit(OPEN_LIMIT)
    )


def _old_recurring(provider: str, now: datetime) -> Select[Any]:
    """Recurring orders that began before the sweep's reach, once a day: no window shows their new periods."""
    first = transactions
    return (
        _charges(provider)
        .where(
            first.c.shared,
            first.c.recurring,
            first.c.ref == first.c.group_ref,
            first.c.occurred_at < now - SWEPT,
            _read_us() <= to_us(now - ROTA),
        )
        .order_by(first.c.ref)
        .limit(ROTA_LIMIT)
    )


def _reversed(provider: str, among: Refs | None) -> Select[Any]:
    """Reversed charges, once after their reversal was first seen."""
    every, back = transactions.alias("every"), transactions.alias("back")
    all_refs = sa.select(every.c.parent_ref).where(every.c.provider == provider, every.c.parent_ref.is_not(None))
    ref = (all_refs.distinct() if among is None else among).subquery("refs").c[0]
    unseen = sa.or_(charge_states.c.read_at.is_(None), charge_states.c.read_at < back.c.first_seen_at)
    same = sa.and_(back.c.provider == provider, back.c.parent_ref == ref)
    return (
        sa.select(ref)
        .outerjoin(charge_states, _state_of(provider, ref))
        .where(there_is(back, same, back.c.kind != "charge", unseen))
        .order_by(ref)
        .limit(OPEN_LIMIT)
    )


def _open(provider: str, now: datetime | None, among: Refs | None) -> Select[Any]:
    """Standing charges that no delivered order holds by reference."""
    row = transactions
    delivered = is_delivered(orders)
    by_order = there_is(orders, orders.c.provider_ref == row.c.ref, orders.c.provider == provider, delivered)
    by_code = there_is(orders, orders.c.code_hash == row.c.code_hash, delivered)
    paid = sa.join(payments, orders, orders.c.order_id == payments.c.order_id)
    by_payment = there_is(paid, payments.c.provider == provider, payments.c.provider_ref == row.c.ref, delivered)
    return (
        _charges(provider)
        .where(
            row.c.status.in_(["paid", "pending", "unknown"]),
            ~by_order,
            ~by_code,
            ~by_payment,
            _is_among(row.c.ref, among),
            _due_again(row.c.occurred_at, now),
        )
        .order_by(row.c.occurred_at.desc(), row.c.ref)
        .limit(OPEN_LIMIT)
    )


def _fresh(provider: str, now: datetime) -> Select[Any]:
    """A few of the youngest sales with each pull, in turn: a refund that was only begun shows nowhere else."""
    return _in_turn(_since(provider, now - FRESH)).limit(FRESH_LIMIT)


def _rota(provider: str, now: datetime) -> Select[Any]:
    """Young sales once a day: a refund that was begun or a refuted delivery shows on matched ones too."""
    rested = _read_us() <= to_us(now - ROTA)
    return _in_turn(_since(provider, now - YOUNG).where(rested)).limit(ROTA_LIMIT)


def _with_findings(connection: sa.Connection, provider: str) -> list[str]:
    """Charges of open findings with each pull, those first whose look is the oldest: what mends them may have come."""
    table = findings.c
    said = connection.execute(sa.select(table.document).where(table.status == OPEN, table.provider == provider))
    refs = sorted({ref for document in said.scalars() for ref in document["transaction_ids"]})
    turn: list[tuple[int, str]] = []
    for part in parts(refs):
        rows = connection.execute(
            _charges(provider).add_columns(_read_us()).where(transactions.c.ref.in_(part), ~_is_back(provider))
        )
        turn += [(read_us, ref) for ref, read_us in rows]
    return [ref for _, ref in sorted(turn)[:FINDINGS_LIMIT]]


def _is_back(provider: str) -> ColumnElement[bool]:
    """The money of the charge went back: nothing more can become of it."""
    back = transactions.alias("back")
    return there_is(
        back, back.c.provider == provider, back.c.parent_ref == transactions.c.ref, back.c.status == "completed"
    )


def _in_turn(charges: Select[Any]) -> Select[Any]:
    return charges.order_by(_read_us(), transactions.c.occurred_at.desc(), transactions.c.ref)


def _read_us() -> ColumnElement[Any]:
    return sa.func.coalesce(sa.type_coerce(charge_states.c.read_at, BigInteger), 0)


def _charges(provider: str) -> Select[Any]:
    return _states(provider).where(transactions.c.provider == provider)


def _since(provider: str, time: datetime) -> Select[Any]:
    """Charges that are younger than that, found by their time."""
    return _states(provider).where(checked(transactions.c.provider) == provider, transactions.c.occurred_at > time)


def _states(provider: str) -> Select[Any]:
    state = sa.outerjoin(transactions, charge_states, _state_of(provider, transactions.c.ref))
    return sa.select(transactions.c.ref).select_from(state).where(transactions.c.kind == "charge")


def _state_of(provider: str, ref: ColumnElement[Any]) -> ColumnElement[bool]:
    return sa.and_(charge_states.c.provider == provider, charge_states.c.ref == ref)


def _is_among(ref: ColumnElement[Any], among: Refs | None) -> ColumnElement[bool]:
    return sa.true() if among is None else ref.in_(among)


def _due_again(since: ColumnElement[Any], now: datetime | None) -> ColumnElement[bool]:
    """Whether the charge has rested long enough, for its age; without `now`: whether it ever will, so always."""
    if now is None:
        return sa.true()
    now_us = to_us(now)
    read_us = sa.type_coerce(charge_states.c.read_at, BigInteger)
    rested = (now_us - read_us) * _PATIENCE >= now_us - sa.type_coerce(since, BigInteger)
    return sa.or_(charge_states.c.read_at.is_(None), rested)
