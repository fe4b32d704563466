"""The statement: totals per provider and currency whose identities must close (contract section 4b)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, ColumnElement, Select

from reconciler.detectors.reversals import standing
from reconciler.matching.lookups import checked
from reconciler.matching.plan import same_charge
from reconciler.matching.relations import charge, reversal, tie
from reconciler.matching.scope_tables import in_scope
from reconciler.matching.terms import Horizon, Terms
from reconciler.money import format_minor
from reconciler.schema import transactions

RECONCILED, FINDINGS, INCOMPLETE, DOES_NOT_CLOSE = "reconciled", "findings", "incomplete", "does_not_close"
EXCLUDED = ("pending", "failed", "prepaid", "trial", "unknown", "grace", "reversed")
"""Why a charge is neither matched nor open: never paid, still inside the grace period, or back with the buyer."""
QUARTER_US = 900_000_000
STANDINGS = ("explained", "suspected", "confirmed")

Row = Mapping[str, Any]


@dataclass(slots=True)
class Total:
    """A number of transactions and their sum in minor units."""

    count: int = 0
    minor: int = 0

    def add(self, count: int, minor: int) -> None:
        """Count more in."""
        self.count += count
        self.minor += minor

    def shown(self, currency: str) -> dict[str, Any]:
        """The total as it is printed."""
        return {"count": self.count, "amount": format_minor(self.minor, currency)}


def _totals() -> defaultdict[str, Total]:
    return defaultdict(Total)


@dataclass(slots=True)
class Account:
    """The books of one provider and currency."""

    provider: str
    currency: str
    received: Total = field(default_factory=Total)
    classes: defaultdict[str, Total] = field(default_factory=_totals)
    items: defaultdict[str, Total] = field(default_factory=_totals)
    reversals: defaultdict[str, Total] = field(default_factory=_totals)

    def broken(self) -> list[str]:
        """The identities that do not hold, as sentences; none when the books close."""
        parts = _sum(self.classes[name] for name in ("matched", "open", *EXCLUDED))
        end = _sum([self.items["start"], self.items["opened"]])
        end.add(-self.items["closed"].count, -self.items["closed"].minor)
        judged = _sum(self.reversals[name] for name in STANDINGS)
        checks = (
            ("charges received = matched + open + excluded", self.received, parts),
            ("open at start + opened - closed = open at end", self.items["end"], end),
            ("open at end = open charges", self.items["end"], self.classes["open"]),
            ("reversals received = explained + suspected + confirmed", self.reversals["received"], judged),
        )
        return [
            f"{name}: {_text(left)} against {_text(right)}"
            for name, left, right in checks
            if (left.count, left.minor) != (right.count, right.minor)
        ]

    def shown(self) -> dict[str, Any]:
        """The books as the statement prints them."""
        excluded = {name: self.classes[name].shown(self.currency) for name in EXCLUDED}
        return {
            "provider": self.provider,
            "currency": self.currency,
            "charges": {
                "received": self.received.shown(self.currency),
                "matched": self.classes["matched"].shown(self.currency),
                "open": self.classes["open"].shown(self.currency),
                "excluded": excluded,
            },
            "open_items": {
                name: self.items[name].shown(self.currency) for name in ("start", "opened", "closed", "end")
            },
            "reversals": {name: self.reversals[name].shown(self.currency) for name in ("received", *STANDINGS)},
            "closes": not self.broken(),
            "broken": self.broken(),
        }


def bookings_of(terms: Terms, horizon: Horizon, *, scoped: bool) -> Select[Any]:
    """How each stored transaction, or each in scope, is counted: a row like those of the `bookings` table.

    The rows are the stored ones, whatever became of them in matching: one that got lost has no class, so that the
    books do not close. Charges before their feed's beginning and withdrawn reversals are not counted.
    """
    keys = sa.tuple_(transactions.c.provider, transactions.c.ref).in_(sa.select(in_scope.c.provider, in_scope.c.ref))
    parts = (_booked_charges(terms, horizon), _booked_reversals(horizon))
    counted = sa.union_all(*(part.where(keys) if scoped else part for part in parts))
    return sa.select(counted.subquery("counted"))


def _booked_charges(terms: Terms, horizon: Horizon) -> Select[Any]:
    row = transactions.c
    starts = [
        sa.and_(checked(row.provider) == name, sa.type_coerce(row.occurred_at, BigInteger) >= (coverage.since_us or 0))
        for name, coverage in horizon.providers.items()
    ]
    group = sa.case(
        (row.status.in_(EXCLUDED), row.status),
        (row.status != "paid", "unknown"),
        (charge.c.ref.is_(None), sa.null()),
        else_=classify(terms, horizon),
    )
    return (
        sa.select(
            row.provider,
            row.ref,
            sa.literal("charge").label("kind"),
            row.currency,
            row.amount_minor,
            group.label("class"),
            sa.case((row.status == "paid", sa.type_coerce(row.occurred_at, BigInteger) // QUARTER_US)).label("quarter"),
        )
        .select_from(transactions)
        .outerjoin(charge, same_charge(charge, transactions))
        .outerjoin(tie, same_charge(tie, charge))
        .where(row.kind == "charge", sa.or_(sa.false(), *starts))
    )


def _booked_reversals(horizon: Horizon) -> Select[Any]:
    """One that was started from our side counts as explained by that."""
    row, what = transactions.c, standing()
    group = sa.case((reversal.c.ref.is_(None), sa.null()), (what == "unapproved", "explained"), else_=what)
    same = sa.and_(reversal.c.provider == row.provider, reversal.c.ref == row.ref)
    never = sa.cast(sa.null(), BigInteger)
    return (
        sa.select(row.provider, row.ref, sa.literal("reversal"), row.currency, row.amount_minor, group, never)
        .select_from(transactions)
        .outerjoin(reversal, same)
        .where(row.kind != "charge", row.status != "withdrawn", checked(row.provider).in_(list(horizon.providers)))
    )


def paid_classes(terms: Terms, horizon: Horizon) -> Select[Any]:
    """The class of every paid charge, counted from the results of matching."""
    group = classify(terms, horizon)
    return (
        sa.select(charge.c.provider, charge.c.currency, group.label("class"), *_measures(charge.c.amount_minor))
        .select_from(charge)
        .outerjoin(tie, same_charge(tie, charge))
        .where(charge.c.history == 0)
        .group_by(charge.c.provider, charge.c.currency, group)
    )


def classify(terms: Terms, horizon: Horizon) -> ColumnElement[str]:
    """`matched`, `reversed`, `grace` or `open` of a paid charge joined with its tie."""
    return sa.case(
        (tie.c.order_id.is_not(None), "matched"),
        (charge.c.reversed == 1, "reversed"),
        (charge.c.occurred_us > horizon.settled_us - terms.grace_us, "grace"),
        else_="open",
    )


def reversal_classes() -> Select[Any]:
    """Every reversal by what it is; one that was started from our side counts as explained by that."""
    what = standing()
    group = sa.case((what == "unapproved", "explained"), else_=what)
    return (
        sa.select(reversal.c.provider, reversal.c.currency, group.label("class"), *_measures(reversal.c.amount_minor))
        .select_from(reversal)
        .group_by(reversal.c.provider, reversal.c.currency, group)
    )


def books(
    charges: Iterable[Row],
    classes: Iterable[Row],
    items: Iterable[Row],
    reversals: Iterable[Row],
) -> list[Account]:
    """Enter counted rows (`provider`, `currency`, `class`, `count`, `minor`) into the books.

    `charges` are counts by stored status, `classes` those of paid charges after matching, `items` the open items
    (`start`, `opened`, `closed`, `end`), `reversals` both what was received and how it stands.
    """
    accounts: dict[tuple[str, str], Account] = {}

    def account(row: Row) -> Account:
        key = (row["provider"], row["currency"])
        return accounts.setdefault(key, Account(*key))

    for row in charges:
        account(row).received.add(row["count"], int(row["minor"]))
        if row["class"] != "paid":
            name = row["class"] if row["class"] in EXCLUDED else "unknown"
            account(row).classes[name].add(row["count"], int(row["minor"]))
    for row in classes:
        account(row).classes[row["class"]].add(row["count"], int(row["minor"]))
    for row in items:
        account(row).items[row["class"]].add(row["count"], int(row["minor"]))
    for row in reversals:
        account(row).reversals[row["class"]].add(row["count"], int(row["minor"]))
    return [accounts[key] for key in sorted(accounts)]


def verdict(accounts: Iterable[Account], complete: bool, alarming: bool) -> str:
    """The verdict of a run; `alarming` says that a finding of severity warning or above is open."""
    if any(account.broken() for account in accounts):
        return DOES_NOT_CLOSE
    if not complete:
        return INCOMPLETE
    return FINDINGS if alarming else RECONCILED


def _measures(amount: ColumnElement[Any]) -> tuple[ColumnElement[int], ColumnElement[Any]]:
    return sa.func.count().label("count"), sa.func.sum(amount).label("minor")


def _sum(totals: Iterable[Total]) -> Total:
    result = Total()
    for total in totals:
        result.add(total.count, total.minor)
    return result


def _text(total: Total) -> str:
    return f"{total.count} ({total.minor} minor units)"
