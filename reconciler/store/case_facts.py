"""Reads all that is on record about cases, many at a time, as the values that cases are judged by."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from reconciler.cases.model import Facts, Found, Review
from reconciler.matching.lookups import there_is
from reconciler.model import Kind, Status, Window
from reconciler.money import check_minor, to_minor
from reconciler.policy import Purchase, Request
from reconciler.policy.amounts import of_purchase
from reconciler.schema import findings, matches, orders, transactions
from reconciler.schema_cases import disputes, outages, reviews
from reconciler.store.purchases import Key, parts, read_purchases, without_charge

Row = sa.RowMapping
_OF_THEIR_OWN = ("duplicate_charge", "refund_not_executed")
"""Kinds that say themselves what is refundable: of several charges, or what was agreed and is owed."""


def read_facts(connection: sa.Connection, cases: Sequence[Row], equivalents: Mapping[str, str]) -> dict[str, Facts]:
    """The facts of each of these cases (rows of the `cases` table), by its id."""
    ids = [row["id"] for row in cases]
    found = _findings(connection, ids)
    asked = _reviews(connection, ids)
    keys = {row["id"]: _keys(row, found[row["id"]], asked.get(row["id"])) for row in cases}
    purchases = read_purchases(connection, {key for some in keys.values() for key in some}, equivalents)
    out = tuple(Window(row.since, row.until) for row in connection.execute(sa.select(outages)))
    others = _others(connection, purchases)
    facts = {}
    for row in cases:
        review = asked.get(row["id"])
        mine = [purchases[key] for key in keys[row["id"]]]
        if not mine and review is not None and review["order_id"]:
            mine = [without_charge(connection, review["order_id"])]
        facts[row["id"]] = _facts(row, found[row["id"]], review, mine, out, others)
    return facts


def _findings(connection: sa.Connection, ids: list[str]) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = defaultdict(list)
    for part in parts(ids):
        query = (
            sa.select(findings).where(findings.c.case_id.in_(part)).order_by(findings.c.first_seen_at, findings.c.id)
        )
        for row in connection.execute(query).mappings():
            rows[row["case_id"]].append(row)
    return rows


def _reviews(connection: sa.Connection, ids: list[str]) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for part in parts(ids):
        for row in connection.execute(sa.select(reviews).where(reviews.c.case_id.in_(part))).mappings():
            rows[row["case_id"]] = row
    return rows


def _keys(case: Row, found: Iterable[Row], review: Row | None) -> list[Key]:
    """The charges that a case is about: its root's, and every surplus charge of its open duplicates."""
    keys: dict[Key, None] = {}
    if case["provider"] and case["ref"]:
        keys[case["provider"], case["ref"]] = None
    if review is not None and review["ref"]:
        keys[review["provider"], review["ref"]] = None
    for row in found:
        if row["kind"] == "duplicate_charge" and row["status"] == "open":
            keys |= {(row["provider"], ref): None for ref in row["document"]["transaction_ids"]}
    return list(keys)


def _facts(
    case: Row,
    found: list[Row],
    review: Row | None,
    purchases: list[Purchase],
    out: tuple[Window, ...],
    others: Mapping[str, set[Key]],
) -> Facts:
    lead = purchases[0] if purchases else None
    account_id = lead.account_id if lead else None
    key = (lead.provider, lead.ref) if lead else None
    open_now = [row for row in found if row["status"] == "open"] or found
    return Facts(
        findings=tuple(_found(row, lead) for row in found),
        purchases=tuple(purchases),
        review=None if review is None else _review(review),
        outages=out,
        acted=lead is not None and lead.held_by_us,
        explained=lead is not None and lead.explained,
        others_standing=len(others.get(account_id or "", set()) - {key}),
        provider=case["provider"],
        order_id=(lead.order_id if lead else None)
        or next((row["order_id"] for row in open_now if row["order_id"]), None),
        account_id=account_id or next((row["account_id"] for row in open_now if row["account_id"]), None),
    )


def _found(row: Row, lead: Purchase | None) -> Found:
    said, currency = row["document"], row["currency"]
    refundable = said["refundable_amount"]
    minor = None if refundable is None else to_minor(refundable, currency)
    if minor is not None and lead is not None and row["kind"] not in _OF_THEIR_OWN:
        most = of_purchase(lead)
        minor = minor if most is None else min(minor, most)
    return Found(
        id=row["id"],
        kind=row["kind"],
        severity=row["severity"],
        status=row["status"],
        explanation=said["explanation"],
        recommendation=said["recommendation"],
        clause=said["policy_clause"],
        amount_minor=None if row["amount_minor"] is None else check_minor(row["amount_minor"]),
        currency=currency,
        refundable_minor=minor,
        advice=row["advice"],
        dispute_id=said["evidence"].get("chargeback_id"),
    )


def _review(row: Row) -> Review:
    request = Request(
        received_at=row["received_at"],
        identifier=row["identifier"],
        email=row["email"],
        account_id=row["account_id"],
        text=row["text"],
        reason=row["reason"],
        evidence=tuple(one["file"] for one in row["evidence"]),
    )
    return Review(row["id"], request, row["due_at"], row["warn_at"], row["due_known"])


def _others(connection: sa.Connection, purchases: Mapping[Key, Purchase]) -> dict[str, set[Key]]:
    """By account, the charges with a chargeback that stands: on record, or named by the provider and not on record."""
    ids = sorted({one.account_id for one in purchases.values() if one.account_id and one.disputes})
    rows: dict[str, set[Key]] = defaultdict(set)
    back = transactions.alias("back")
    of_charge = sa.and_(disputes.c.provider == matches.c.provider, disputes.c.ref == matches.c.ref)
    named = there_is(
        back,
        back.c.provider == matches.c.provider,
        back.c.parent_ref == matches.c.ref,
        back.c.kind == Kind.CHARGEBACK,
        back.c.status != Status.WITHDRAWN,
    )
    stands = sa.or_(
        there_is(disputes, of_charge, disputes.c.state.in_(["open", "lost"])),
        sa.and_(named, ~there_is(disputes, of_charge, disputes.c.state != "signal")),
    )
    for part in parts(ids):
        query = (
            sa.select(orders.c.account_id, matches.c.provider, matches.c.ref)
            .join(matches, orders.c.order_id == matches.c.order_id)
            .where(orders.c.account_id.in_(part), stands)
        )
        for row in connection.execute(query):
            rows[row.account_id].add((row.provider, row.ref))
    return rows
