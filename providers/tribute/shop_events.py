"""What events about shop orders say: hints that the API is asked about, since they carry no transaction id; pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from providers.base import Known, Situation
from providers.tribute import fields
from providers.tribute.events import Envelope, charge_of
from providers.tribute.parse import is_recurring, prices
from providers.tribute.records import PROVIDER
from reconciler.errors import BadRecord
from reconciler.model import ChargeState, Kind, Status, Transaction

NEAR = timedelta(hours=12)
"""A charge so near to an event about its order is the one that it tells of: the shortest period is a week."""


@dataclass(frozen=True, slots=True)
class Hint:
    """What an event about a shop order says for now, and whether the API still has to be asked about the order."""

    note: str
    transactions: tuple[Transaction, ...] = ()
    states: tuple[ChargeState, ...] = ()
    again: bool = False


def paid(event: Envelope, uuid: str, known: Situation) -> Hint:
    """The first payment of an order, or a second one, or a resend (fact sheet A9.1): the transactions decide."""
    first = known.charges.get(uuid)
    trial = fields.flag(event.payload, "isTrial") is True
    if known.looked:
        fits = (Status.TRIAL, Status.PAID) if trial else (Status.PAID,)
        done = first is not None and first.status in fits
        return Hint("the API shows it paid" if done else "the API does not show it paid yet", again=not done)
    if first is not None and first.status == Status.PAID:
        return Hint("its charge is known", states=_states(event, uuid, known), again=not first.listed)
    charge = _order_charge(event, uuid, Status.TRIAL if trial else Status.PAID)
    return Hint("a trial: no money moved" if trial else "paid", (charge,), _states(event, uuid, known), again=True)


def paid_again(event: Envelope, uuid: str, known: Situation) -> Hint:
    """A later charge of a recurring order; which transaction it is, only the API says."""
    near = [
        one
        for one in known.charges.values()
        if one.listed and one.status == Status.PAID and abs(one.occurred_at - event.created_at) <= NEAR
    ]
    if near:
        return Hint(f"the API shows it as {near[-1].ref}")
    return Hint("the API does not show that charge yet" if known.looked else "a further charge", again=True)


def not_final(event: Envelope, uuid: str, known: Situation) -> Hint:
    """Money that came in and is not final: never a payment (fact sheet A5.4)."""
    if known.looked:
        return Hint("money is on its way: not paid yet")
    charge = () if uuid in known.charges else (_order_charge(event, uuid, Status.PREPAID),)
    return Hint("money is on its way", charge, again=True)


def refunded(event: Envelope, uuid: str, known: Situation) -> Hint:
    """A refund of one transaction; the first sale of an order goes by the order's own id."""
    state = fields.text_of(event.payload, "status")
    if state not in ("initiated", "completed"):
        raise BadRecord(f"a refund with the unknown status {state!r}")
    if not known.looked:
        return Hint("a refund", again=True)
    parent = _parent(event, uuid, known.charges)
    return Hint(f"refund of {parent}, {state}", (_refund(event, parent, uuid, state, known.charges.get(parent)),))


READERS: Mapping[str, Callable[[Envelope, str, Situation], Hint]] = {
    "shop_order": paid,
    "shop_order_charge_success": paid_again,
    "shop_order_prepaid": not_final,
    "shop_order_payment_received": not_final,
    "shop_order_refunded": refunded,
}


def _order_charge(event: Envelope, uuid: str, status: Status) -> Transaction:
    """What the event makes of an order's first charge until the API is asked: whatever that says wins."""
    price = prices(event.payload)[0]
    fee = event.payload.get("fee")
    return replace(
        charge_of(event, uuid, status, price.minor),
        currency=price.currency,
        occurred_exact=False,
        shared=True,
        recurring=is_recurring(event.payload),
        fee_minor=None if fee is None or status is not Status.PAID else fields.minor(fee, "fee"),
        listed=False,
    )


def _states(event: Envelope, uuid: str, known: Situation) -> tuple[ChargeState, ...]:
    echo = fields.text_of(event.payload, "customerId")
    return (ChargeState(PROVIDER, uuid, known.received_at, state="paid", echoes=(echo,) if echo else ()),)


def _parent(event: Envelope, uuid: str, charges: Mapping[str, Known]) -> str:
    number = fields.id_of(event.payload, "transactionId")
    if number is None and len(charges) > 1:
        raise BadRecord(f"the refund names no transaction, and order {uuid} has {len(charges)} charges")
    own = f"{uuid}:{number}"
    return own if own in charges else uuid


def _refund(event: Envelope, parent: str, uuid: str, state: str, charge: Known | None) -> Transaction:
    """The same reversal that the order's transactions show, with the time that only the event knows.

    Its `amount` is the order's (fact sheet A6.3); what goes back is the charge's, where that is known.
    """
    back = fields.moment_of(event.payload, "refundedAt")
    price = prices(event.payload)[0]
    at: datetime = back or event.created_at
    return replace(
        charge_of(event, parent, Status.COMPLETED if state == "completed" else Status.INITIATED, price.minor),
        ref=f"{parent}:refund",
        kind=Kind.REFUND,
        parent_ref=parent,
        group_ref=uuid,
        shared=True,
        amount_minor=charge.amount_minor if charge else price.minor,
        currency=charge.currency if charge else price.currency,
        occurred_at=at,
        occurred_text=str(event.payload["refundedAt"]) if back else event.created_text,
        occurred_exact=state == "completed",
    )
