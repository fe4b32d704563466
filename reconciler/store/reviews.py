"""Keeps review requests (policy 5) and outages: which purchase a request is about, and when it is due."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from reconciler.errors import BadRecord
from reconciler.findings import OPEN, iso, kept_charge
from reconciler.model import Kind, Window
from reconciler.policy import Purchase, Request
from reconciler.policy.calendar import business_deadline
from reconciler.policy.review import is_complete
from reconciler.schema import findings, matches, orders, transactions
from reconciler.schema_cases import cases, outages, reviews
from reconciler.settings import Settings
from reconciler.store import audit
from reconciler.store.cases import open_case
from reconciler.store.purchases import Key, read_purchases, without_charge
from reconciler.text import code_hash, fold_email


@dataclass(frozen=True, slots=True)
class NewReview:
    """A request as the operator `by` enters it; `unique_code` instead of `order` where the buyer gave that."""

    received_at: datetime
    order: str = ""
    unique_code: str = ""
    email: str = ""
    account_id: str = ""
    text: str = ""
    reason: str = "other"
    evidence: tuple[Mapping[str, Any], ...] = ()
    by: str = "operator"

    @property
    def identifier(self) -> str:
        """What names the order, as it is kept: of a unique code only its digest."""
        return self.order or code_hash(self.unique_code) or self.unique_code


def add_review(connection: sa.Connection, settings: Settings, new: NewReview, now: datetime) -> dict[str, Any]:
    """Store a request, or what completes one that lacked something; returns its row. The same again changes nothing."""
    completed_at = new.received_at
    earlier = _incomplete(connection, new)
    if earlier is not None:
        new = _completed(earlier, new)
    order_id, purchase = find_purchase(connection, settings, new)
    request = Request(
        new.received_at,
        new.identifier,
        new.email,
        new.account_id,
        new.text,
        new.reason,
        tuple(one["file"] for one in new.evidence),
    )
    complete = is_complete(request, purchase)
    id_ = earlier["id"] if earlier is not None else _id(new)
    key = (purchase.provider, purchase.ref) if purchase and purchase.ref else None
    case_id = open_case(connection, f"review:{id_}", now, key=key, note="a buyer's request for a review was entered")
    values = {
        "case_id": case_id,
        "identifier": new.identifier,
        "provider": key[0] if key else None,
        "ref": key[1] if key else None,
        "order_id": order_id,
        "email": new.email,
        "account_id": new.account_id,
        "text": new.text,
        "reason": new.reason,
        "evidence": [dict(one) for one in new.evidence],
        **_due(settings, completed_at if complete else None),
    }
    _write(connection, id_, values, new, now)
    return dict(connection.execute(sa.select(reviews).where(reviews.c.id == id_)).mappings().one())


def _write(connection: sa.Connection, id_: str, values: dict[str, Any], new: NewReview, now: datetime) -> None:
    row = connection.execute(sa.select(reviews).where(reviews.c.id == id_)).mappings().one_or_none()
    if row is not None and row["complete_at"] is not None:
        _attach(connection, row, new, now)
        return
    if row is None:
        connection.execute(sa.insert(reviews).values(id=id_, received_at=new.received_at, recorded_at=now, **values))
    else:
        connection.execute(sa.update(reviews).where(reviews.c.id == id_).values(values))
        case = {"provider": values["provider"], "ref": values["ref"]}
        connection.execute(sa.update(cases).where(cases.c.id == values["case_id"]).values(case))
    data = {"case_id": values["case_id"], "provider": values["provider"], "ref": values["ref"]}
    audit.record(connection, "review.entered", id_, new.by, now, data | {"complete": bool(values["complete_at"])})


def _attach(connection: sa.Connection, row: Any, new: NewReview, now: datetime) -> None:
    """Keep the files that come after a request is complete; its text and its due date stay."""
    later = [dict(one) for one in new.evidence if dict(one) not in row["evidence"]]
    if later:
        values = {"evidence": [*row["evidence"], *later]}
        connection.execute(sa.update(reviews).where(reviews.c.id == row["id"]).values(values))
        digests = [one["sha256"] for one in later]
        audit.record(connection, "review.evidence", row["id"], new.by, now, {"sha256": digests})


def _due(settings: Settings, complete_at: datetime | None) -> dict[str, Any]:
    if complete_at is None:
        return {"complete_at": None, "due_at": None, "warn_at": None, "due_known": True}
    policy = settings.policy
    zone = ZoneInfo(settings.timezone)
    deadline = business_deadline(complete_at, policy.review_business_days, policy.holidays, zone)
    return {
        "complete_at": complete_at,
        "due_at": deadline.due_at,
        "warn_at": deadline.warn_at,
        "due_known": deadline.known,
    }


def _id(new: NewReview) -> str:
    parts = (new.identifier, fold_email(new.email) or "", new.account_id, new.text)
    return hashlib.sha256("\n".join(("review", *parts)).encode()).hexdigest()[:12]


def _incomplete(connection: sa.Connection, new: NewReview) -> Any:
    """The open request that this one completes: of the same order, or of the same e-mail where it named none."""
    open_ones = (
        sa.select(reviews)
        .join(cases, cases.c.id == reviews.c.case_id)
        .where(reviews.c.complete_at.is_(None), cases.c.status.in_(["open", "snoozed"]))
        .order_by(reviews.c.recorded_at.desc(), reviews.c.id)
    )
    for row in connection.execute(open_ones).mappings():
        same_order = row["identifier"] and row["identifier"] == new.identifier
        same_email = fold_email(row["email"]) and fold_email(row["email"]) == fold_email(new.email)
        if same_order or (same_email and (not row["identifier"] or row["ref"] is None)):
            return row
    return None


def _completed(earlier: Any, new: NewReview) -> NewReview:
    """The earlier request with what the later one adds; what the later one says counts."""
    return replace(
        new,
        order=new.identifier or earlier["identifier"],
        unique_code="",
        email=new.email or earlier["email"],
        account_id=new.account_id or earlier["account_id"],
        text=new.text or earlier["text"],
        reason=new.reason if new.reason != "other" else earlier["reason"],
        evidence=(*earlier["evidence"], *(one for one in new.evidence if one not in earlier["evidence"])),
        received_at=earlier["received_at"],
    )


def find_purchase(connection: sa.Connection, settings: Settings, new: NewReview) -> tuple[str | None, Purchase | None]:
    """The order and the purchase that a request names: the shop's order id, the provider's invoice, or a unique code.

    Where the order holds several charges, a surplus one is what the request is about; where an id names an order and
    another's invoice, the one with the e-mail of the request.
    """
    order_ids = _orders_named(connection, new)
    keys = _charges_named(connection, new, order_ids)
    purchases = read_purchases(connection, keys, settings.currency.equivalents)
    if not purchases:
        order_id = next(iter(order_ids), None)
        return order_id, None if order_id is None else without_charge(connection, order_id)
    email = fold_email(new.email)
    best = sorted(keys, key=lambda key: (email not in purchases[key].emails, not purchases[key].surplus))[0]
    return purchases[best].order_id or next(iter(order_ids), None), purchases[best]


def _orders_named(connection: sa.Connection, new: NewReview) -> list[str]:
    named = [orders.c.order_id == new.order] if new.order else []
    digest = code_hash(new.unique_code) or new.identifier
    if digest:
        named.append(orders.c.code_hash == digest)
    return list(connection.execute(sa.select(orders.c.order_id).where(sa.or_(sa.false(), *named))).scalars())


def _charges_named(connection: sa.Connection, new: NewReview, order_ids: list[str]) -> list[Key]:
    table = transactions
    tied = sa.select(matches.c.provider, matches.c.ref).where(matches.c.order_id.in_(order_ids))
    by_order = sa.select(orders.c.provider, orders.c.provider_ref).where(
        orders.c.order_id.in_(order_ids), orders.c.provider.is_not(None), orders.c.provider_ref.is_not(None)
    )
    named = sa.and_(
        table.c.kind == Kind.CHARGE, sa.or_(table.c.ref == new.identifier, table.c.code_hash == new.identifier)
    )
    by_ref = sa.select(table.c.provider, table.c.ref).where(named, sa.literal(bool(new.identifier)))
    keys = [tuple(row) for query in (tied, by_order, by_ref) for row in connection.execute(query)]
    known = [(str(provider), str(ref)) for provider, ref in keys]
    return list(dict.fromkeys([*known, *_paid_again(connection, known)]))


def _paid_again(connection: sa.Connection, keys: list[Key]) -> list[Key]:
    """The surplus charges of the open duplicates whose kept charge is named: the buyer may name either."""
    table = findings.c
    query = sa.select(table.provider, table.document).where(table.kind == "duplicate_charge", table.status == OPEN)
    return [
        (row.provider, ref)
        for row in connection.execute(query)
        if kept_charge(row.provider, row.document) in keys
        for ref in row.document["transaction_ids"]
    ]


def add_outage(connection: sa.Connection, window: Window, note: str, now: datetime) -> tuple[str, bool]:
    """Record an outage (policy 3); returns its id and whether it is new. Raises BadRecord for an empty span."""
    if window.until <= window.since:
        raise BadRecord("an outage ends after it begins: --from comes before --to")
    id_ = hashlib.sha256(f"outage\n{iso(window.since)}\n{iso(window.until)}".encode()).hexdigest()[:12]
    if connection.execute(sa.select(outages.c.id).where(outages.c.id == id_)).first() is not None:
        return id_, False
    values = {"since": window.since, "until": window.until, "note": note, "recorded_at": now}
    connection.execute(sa.insert(outages).values(id=id_, **values))
    audit.record(connection, "outage.recorded", id_, audit.PROGRAM, now, {"since": iso(window.since), "note": note})
    return id_, True


def review_cases(connection: sa.Connection) -> list[str]:
    """The cases of requests that are not decided yet: an outage recorded now may be what they are about."""
    query = sa.select(reviews.c.case_id).join(cases, cases.c.id == reviews.c.case_id)
    return list(connection.execute(query.where(cases.c.status.in_(["open", "snoozed"]))).scalars())
