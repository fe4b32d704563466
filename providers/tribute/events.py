"""Sales that only an event tells of: digital products, donations, subscriptions and their refunds; pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from providers.tribute import fields, keys
from providers.tribute.records import PROVIDER
from reconciler.model import Kind, Status, Transaction
from reconciler.text import fold_email

BY_SELLER = "cancel product purchase from public api"
"""The reason that Tribute gives when the seller itself cancelled a purchase (fact sheet A4.3, policy: unapproved)."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event as it is written: its name, its time with the text of it, and what it is about."""

    name: str
    created_at: datetime
    created_text: str
    payload: Mapping[str, Any]


def charge_of(event: Envelope, ref: str, status: Status, amount_minor: int, **more: Any) -> Transaction:
    """A charge as the event dates it, by the buyer whom it names."""
    payload = event.payload
    values: dict[str, Any] = {
        "occurred_at": event.created_at,
        "occurred_text": event.created_text,
        "group_ref": ref,
        "buyer_email": fold_email(fields.text_of(payload, "email")),
        "telegram_user_id": fields.id_of(payload, "telegram_user_id"),
    }
    return Transaction(
        provider=PROVIDER,
        ref=ref,
        kind=Kind.CHARGE,
        status=status,
        amount_minor=amount_minor,
        currency=fields.currency(payload.get("currency")),
        **(values | more),
    )


def _digital(event: Envelope) -> Transaction:
    payload = event.payload
    if fields.text_of(payload, "purchase_id"):
        fields.number_id(payload["purchase_id"])
    bought = fields.moment_of(payload, "purchase_created_at")
    return charge_of(
        event,
        keys.digital_ref(payload, event.created_text),
        Status.PAID,
        fields.minor(payload.get("amount"), "amount"),
        occurred_at=bought or event.created_at,
        occurred_text=str(payload["purchase_created_at"]) if bought else event.created_text,
        product_id=fields.id_of(payload, "product_id"),
        title=fields.text_of(payload, "product_name"),
    )


def _digital_refund(event: Envelope) -> Transaction:
    """May arrive before its purchase, or for one never seen (fact sheet A6.2): the purchase's id ties them."""
    payload = event.payload
    ref, paid = fields.number_id(payload.get("purchase_id")), fields.id_of(payload, "transaction_id")
    back = fields.moment_of(payload, "refunded_at")
    reason = fields.text_of(payload, "refund_reason")
    charge = charge_of(event, ref, Status.COMPLETED, fields.minor(payload.get("amount"), "amount"))
    return replace(
        charge,
        ref=":".join([ref, "refund", *([paid] if paid else [])]),
        kind=Kind.REFUND,
        parent_ref=ref,
        occurred_at=back or event.created_at,
        occurred_text=str(payload["refunded_at"]) if back else event.created_text,
        product_id=fields.id_of(payload, "product_id"),
        title=fields.text_of(payload, "product_name"),
        reason=reason,
        seller_started=(reason or "").casefold() == BY_SELLER,
    )


def _donation(event: Envelope) -> Transaction:
    """A donation: `donation_request_id` names the reusable link, so it identifies no payment (fact sheet A10.6)."""
    payload = event.payload
    link = fields.number_id(payload.get("donation_request_id"))
    nobody: dict[str, None] = (
        {"buyer_email": None, "telegram_user_id": None} if payload.get("anonymously") is True else {}
    )
    return charge_of(
        event,
        keys.made_ref("donation", event.name.partition("_")[0], payload, event.created_text),
        Status.PAID,
        fields.minor(payload.get("amount"), "amount"),
        product_id=f"donation:{link}",
        title=fields.text_of(payload, "donation_name"),
        recurring=event.name == "recurrent_donation",
        **nobody,
    )


def _subscription(event: Envelope) -> Transaction:
    """A period of a channel subscription. `price` is what the buyer paid, `amount` what is left (fact sheet A6.2).

    A trial and a gift without money are no payment; of a gift with money it is unknown whom the event names.
    """
    payload = event.payload
    kind = fields.text_of(payload, "type") or "regular"
    left = fields.minor(payload.get("amount"), "amount")
    paid = left if payload.get("price") is None else fields.minor(payload["price"], "price")
    plan = fields.number_id(payload.get("subscription_id"))
    unpaid = kind == "trial" or paid == 0
    nobody: dict[str, None] = {"buyer_email": None, "telegram_user_id": None} if kind == "gift" else {}
    return charge_of(
        event,
        keys.made_ref("subscription", event.name.partition("_")[0], payload, event.created_text),
        Status.TRIAL if unpaid else Status.PAID,
        paid,
        fee_minor=None if unpaid or left > paid else paid - left,
        product_id=plan,
        title=fields.text_of(payload, "subscription_name"),
        recurring=event.name == "renewed_subscription",
        reason=None if kind == "regular" else kind,
        **nobody,
    )


def _token_charge(event: Envelope) -> Transaction:
    """A charge of a saved card. A failed one never replaces a success, whichever comes first."""
    payload = event.payload
    done = event.name == "shop_token_charge_success"
    processed = fields.moment_of(payload, "processedAt")
    return charge_of(
        event,
        fields.order_uuid(payload.get("chargeUuid")),
        Status.PAID if done else Status.FAILED,
        fields.minor(payload.get("amount"), "amount"),
        occurred_at=processed or event.created_at,
        occurred_text=str(payload["processedAt"]) if processed else event.created_text,
        reason=fields.text_of(payload, "errorCode"),
        listed=done,
    )


def _physical(event: Envelope) -> Transaction:
    """An order of goods; the list of them, which can be pulled, knows more and wins (fact sheet A3)."""
    payload = event.payload
    products = payload.get("products")
    listed = products if isinstance(products, list) else []  # a title is all that it gives
    names = [fields.text_of(item, "product_name") for item in listed if isinstance(item, dict)]
    return charge_of(
        event,
        f"physical:{fields.number_id(payload.get('order_id'))}",
        Status.PAID,
        fields.minor(payload.get("total"), "total"),
        occurred_at=fields.moment_of(payload, "created_at") or event.created_at,
        title=", ".join(dict.fromkeys(name for name in names if name)) or None,
        listed=False,
    )


MAKERS: Mapping[str, Callable[[Envelope], Transaction]] = {
    "new_digital_product": _digital,
    "digital_product_refunded": _digital_refund,
    "new_donation": _donation,
    "recurrent_donation": _donation,
    "new_subscription": _subscription,
    "renewed_subscription": _subscription,
    "shop_token_charge_success": _token_charge,
    "shop_token_charge_failed": _token_charge,
    "physical_order_created": _physical,
    "physical_order_shipped": _physical,
}
"""What each event says that is a transaction by itself. Of the rest nothing moved, or the API knows better."""
