"""Finds charges whose references contradict: shown to a person, never paired silently."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Select

from reconciler.detectors.base import CHARGE, ORDER, Context, Detector, Row, evidence, money, when
from reconciler.matching.plan import same_charge
from reconciler.matching.relations import charge, contested, likely, order
from reconciler.model import Difference, Finding


def _candidates(_context: Context) -> Select[Any]:
    both = sa.union_all(
        sa.select(contested.c.provider, contested.c.ref, contested.c.order_id, sa.literal(1).label("claimed")),
        sa.select(likely.c.provider, likely.c.ref, likely.c.order_id, sa.literal(0).label("claimed")),
    ).subquery("disputed")
    return (
        sa.select(*CHARGE, *ORDER, both.c.claimed)
        .select_from(charge)
        .join(both, same_charge(both, charge))
        .join(order, order.c.order_id == both.c.order_id)
        .where(charge.c.history == 0, charge.c.reversed == 0)
        .order_by(charge.c.provider, charge.c.ref, order.c.order_id)
    )


def _judge(rows: Iterable[Row], context: Context) -> Iterator[Finding]:
    charges: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        charges[row["charge_provider"], row["charge_ref"]].append(row)
    settled_us = context.horizon.settled_us - context.terms.grace_us
    for disputed in charges.values():
        if disputed[0]["claimed"] or disputed[0]["charge_occurred_us"] <= settled_us:
            yield _finding(disputed)


def _finding(rows: list[Row]) -> Finding:
    first = rows[0]
    orders = ", ".join(str(row["order_order_id"]) for row in rows)
    paid = f"Charge {first['charge_ref']} of {money(first['charge_amount_minor'], first['charge_currency'])}"
    if first["claimed"]:
        reason, story = "claimed_twice", f"is claimed by more than one order: {orders}"
    else:
        named = first["order_provider_ref"] or "another payment"
        reason = "contradicting_reference"
        story = (
            f"of {when(first['charge_occurred_us'])} fits order {orders} by buyer, amount and time, but that order "
            f"names {named}"
        )
    return Finding(
        kind="reference_conflict",
        subject=f"charge:{first['charge_provider']}/{first['charge_ref']}",
        severity="warning",
        provider=first["charge_provider"],
        transaction_ids=(first["charge_ref"],),
        order_id=first["order_order_id"],
        account_id=first["order_account_id"] or first["charge_account_id"],
        amount_minor=first["charge_amount_minor"],
        currency=first["charge_currency"],
        reason=reason,
        recommendation="manual",
        explanation=f"{paid} {story}. Nothing was paired: a person has to say which is right.",
        differences=tuple(
            Difference("reference", row["charge_ref"], row["order_provider_ref"] or row["order_order_id"])
            for row in rows
        ),
        evidence={"orders": [evidence(row) for row in rows]},
    )


DETECTOR = Detector(("reference_conflict",), _candidates, _judge)
