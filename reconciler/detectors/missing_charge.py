"""Finds deliveries for which the provider knows no payment."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Select

from reconciler.detectors.base import ORDER, Context, Detector, Row, evidence, money, when
from reconciler.matching.relations import contested, likely, order, payment, tie
from reconciler.matching.terms import Coverage
from reconciler.model import Finding

_STORIES = {
    0: ("no_charge", "no payment of this buyer and amount is near it"),
    1: ("unknown_reference", "the provider knows no charge {ref}"),
    2: ("not_paid", "the provider shows charge {ref} as not paid"),
    3: ("fewer_charges", "the provider shows fewer payments of {ref} than orders that name it"),
}


def _candidates(_context: Context) -> Select[Any]:
    """Delivered orders without a charge whose provider would have to show one; a named one only once looked up."""
    tied = sa.exists().where(tie.c.order_id == order.c.order_id)
    disputed = sa.or_(
        sa.exists().where(contested.c.order_id == order.c.order_id),
        sa.exists().where(likely.c.order_id == order.c.order_id),
    )
    return (
        sa.select(*ORDER, payment.c.provider_ref.label("payment_ref"))
        .select_from(order)
        .outerjoin(payment, payment.c.order_id == order.c.order_id)
        .where(
            order.c.delivered == 1,
            order.c.provider.is_not(None),
            order.c.findable == 1,
            sa.or_(order.c.named == 0, order.c.absence > 0),
            ~tied,
            ~disputed,
        )
        .order_by(order.c.order_id, payment.c.provider, payment.c.provider_ref)
    )


def _judge(rows: Iterable[Row], context: Context) -> Iterator[Finding]:
    reach = max(context.terms.grace_us, context.terms.fallback_window_us)
    for _, group in groupby(rows, key=lambda row: row["order_order_id"]):
        named = list(group)
        row = named[0]
        coverage = context.horizon.providers.get(row["order_provider"], Coverage())
        around = row["order_created_us"] if row["order_named"] else row["order_created_us"] - reach
        if coverage.holds(around, row["order_created_us"] + reach):
            refs = [row["order_provider_ref"], *(row["payment_ref"] for row in named)]
            yield _finding(row, tuple(dict.fromkeys(ref for ref in refs if ref is not None)))


def _finding(row: Row, refs: tuple[str, ...]) -> Finding:
    reason, story = _STORIES[row["order_absence"]]
    amount = money(row["order_amount_minor"], row["order_currency"])
    return Finding(
        kind="missing_charge",
        subject=f"order:{row['order_order_id']}",
        severity="critical",
        provider=row["order_provider"],
        transaction_ids=refs,
        order_id=row["order_order_id"],
        account_id=row["order_account_id"],
        amount_minor=row["order_amount_minor"],
        currency=row["order_currency"],
        reason=reason,
        recommendation="manual",
        explanation=(
            f"Order {row['order_order_id']} of {amount}, created {when(row['order_created_us'])}, was delivered, but "
            f"{story.format(ref=', '.join(refs))}."
        ),
        evidence=evidence(row),
    )


DETECTOR = Detector(("missing_charge",), _candidates, _judge)
