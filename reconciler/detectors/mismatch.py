"""Finds matched pairs in which a field that both sides state differs."""

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select

from reconciler.detectors.base import Context, Detector, Row, account_of, charges_with_orders, evidence
from reconciler.matching.plan import BUYERS, FALLBACK, PASSED, buyers_differ, same_charge
from reconciler.matching.relations import charge, order, surplus, tie
from reconciler.model import Difference, Finding
from reconciler.money import format_minor

_COLUMNS = {"account_id": "account_id", "telegram": "telegram_user_id", "email": "buyer_email"}
_CLAUSES = {"buyer_mismatch": "4.other_account"}
"""The policy speaks of buyers and accounts; it has no clause about amounts, currencies and products that differ."""
_WORDS = {
    "account_id": "account",
    "telegram_user_id": "Telegram id",
    "buyer_email": "e-mail",
    "product_id": "product",
}


def _candidates(context: Context) -> Select[Any]:
    """Pairs tied by a reference whose amount, currency, product or buyer differ; surplus charges are not compared."""
    paid = _paid(context.terms.tolerance_minor)
    amount = _amount_differs(paid, context.terms.tolerance_minor)
    currency = charge.c.money != order.c.money
    product = charge.c.product_id != order.c.product_id
    buyer = buyers_differ(charge, order)
    return (
        charges_with_orders()
        .outerjoin(paid, sa.and_(paid.c.order_id == order.c.order_id, paid.c.money == order.c.money))
        .add_columns(
            _flag(amount).label("amount_differs"),
            _flag(currency).label("currency_differs"),
            _flag(product).label("product_differs"),
            _flag(buyer).label("buyer_differs"),
            _standing(paid).label("paid_together_minor"),
        )
        .where(
            tie.c.rule.not_in([FALLBACK, PASSED]),
            charge.c.history == 0,
            ~sa.exists().where(same_charge(surplus, charge)),
            sa.or_(amount, currency, product, buyer),
        )
        .order_by(charge.c.provider, charge.c.ref)
    )


def _amount_differs(paid: Any, tolerance_minor: int) -> ColumnElement[bool]:
    """Amounts are compared in the same currency only; part payments count together, also if some went back since."""
    sums = (charge.c.amount_minor, _standing(paid), paid.c.together_minor)
    return sa.and_(
        charge.c.money == order.c.money,
        *(sa.func.abs(sum_minor - order.c.amount_minor) > tolerance_minor for sum_minor in sums),
    )


def _standing(paid: Any) -> ColumnElement[int]:
    """What the order's charges paid that did not go back; where all went back, what they had paid."""
    return sa.func.coalesce(paid.c.standing_minor, paid.c.together_minor)


def _paid(tolerance_minor: int) -> Any:
    """By currency, what charges that are not surplus paid for the orders of which one charge alone differs."""
    also, held = charge.alias("also"), tie.alias("held")
    one, tied, due = charge.alias("one"), tie.alias("tied"), order.alias("due")
    differing = (
        sa.select(tied.c.order_id)
        .join(one, same_charge(one, tied))
        .join(due, due.c.order_id == tied.c.order_id)
        .where(one.c.money == due.c.money, sa.func.abs(one.c.amount_minor - due.c.amount_minor) > tolerance_minor)
    )
    return (
        sa.select(
            held.c.order_id,
            also.c.money,
            sa.func.sum(also.c.amount_minor).label("together_minor"),
            sa.func.sum(sa.case((also.c.reversed == 0, also.c.amount_minor))).label("standing_minor"),
        )
        .join(also, same_charge(held, also))
        .where(held.c.order_id.in_(differing), ~sa.exists().where(same_charge(surplus, also)))
        .group_by(held.c.order_id, also.c.money)
        .subquery("paid")
    )


def _flag(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return sa.case((condition, 1), else_=0)


def _judge(rows: Iterable[Row], _context: Context) -> Iterator[Finding]:
    for row in rows:
        if row["amount_differs"]:
            yield _finding(row, "amount_mismatch", _amount(row))
        if row["currency_differs"]:
            yield _finding(
                row, "currency_mismatch", Difference("currency", row["charge_currency"], row["order_currency"])
            )
        if row["product_differs"]:
            yield _finding(
                row, "product_mismatch", Difference("product_id", row["charge_product_id"], row["order_product_id"])
            )
        if row["buyer_differs"]:
            yield _finding(row, "buyer_mismatch", _buyer(row))


def _amount(row: Row) -> Difference:
    return Difference(
        "amount",
        format_minor(row["charge_amount_minor"], row["charge_currency"]),
        format_minor(row["order_amount_minor"], row["order_currency"]),
    )


def _buyer(row: Row) -> Difference:
    name = next(name for name in BUYERS if row[f"charge_{name}"] is not None and row[f"order_{name}"] is not None)
    return Difference(_COLUMNS[name], row[f"charge_{name}"], row[f"order_{name}"])


def _finding(row: Row, kind: str, difference: Difference) -> Finding:
    word = _WORDS.get(difference.field, difference.field)
    return Finding(
        kind=kind,
        subject=f"charge:{row['charge_provider']}/{row['charge_ref']}",
        severity="warning",
        provider=row["charge_provider"],
        transaction_ids=(row["charge_ref"],),
        order_id=row["order_order_id"],
        account_id=account_of(row),
        amount_minor=_at_stake(row) if kind == "amount_mismatch" else row["charge_amount_minor"],
        currency=row["charge_currency"],
        reason=difference.field,
        policy_clause=_CLAUSES.get(kind),
        recommendation="manual",
        explanation=(
            f"Charge {row['charge_ref']} and order {row['order_order_id']} belong together by {row['rule']}, but the "
            f"{word} differs: {difference.provider_value} at the provider, {difference.shop_value} in the shop."
        ),
        differences=(difference,),
        evidence=evidence(row),
    )


def _at_stake(row: Row) -> int:
    paid = row["paid_together_minor"] or row["charge_amount_minor"]
    return abs(int(paid) - int(row["order_amount_minor"]))


DETECTOR = Detector(("amount_mismatch", "currency_mismatch", "product_mismatch", "buyer_mismatch"), _candidates, _judge)
