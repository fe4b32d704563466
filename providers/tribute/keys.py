"""What identifies an event of Tribute, which carries no id of its own: dedupe keys and refs (fact sheet A9.1); pure.

Never the body's hash: `sent_at` differs from attempt to attempt.
"""

import functools
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from providers.tribute.fields import plain

CREATED, USER = "created_at", "user"
_USER_FIELDS = ("trb_user_id", "telegram_user_id", "user_id", "email")
_SUBSCRIPTION = ("subscription_id", "period_id", USER, CREATED, "expires_at")
_DONATION = ("donation_request_id", USER, "amount", CREATED)
_PHYSICAL = ("order_id", "updated_at")
_PARTS: Mapping[str, tuple[str, ...]] = {
    "digital_product_refunded": ("purchase_id", "transaction_id"),
    "new_donation": _DONATION,
    "recurrent_donation": _DONATION,
    "cancelled_donation": _DONATION,
    "new_subscription": _SUBSCRIPTION,
    "renewed_subscription": _SUBSCRIPTION,
    "cancelled_subscription": _SUBSCRIPTION,
    "shop_order": ("uuid", CREATED),
    "shop_order_charge_success": ("uuid", CREATED, "memberExpiresAt"),
    "shop_order_charge_failed": ("uuid", CREATED, "chargeRetries"),
    "shop_order_cancelled": ("uuid", CREATED, "cancelReason"),
    "shop_order_refunded": ("uuid", "transactionId", "status"),
    "shop_order_payment_failed": ("uuid", CREATED, "errorCode"),
    "shop_order_payment_received": ("uuid",),
    "shop_order_prepaid": ("uuid",),
    "shop_token_charge_success": ("chargeUuid",),
    "shop_token_charge_failed": ("chargeUuid",),
    "physical_order_created": _PHYSICAL,
    "physical_order_shipped": _PHYSICAL,
    "physical_order_canceled": _PHYSICAL,
}
NAMES = frozenset({"new_digital_product", *_PARTS})
"""Every event that is known by name (fact sheet A6)."""
_MATTERS = re.compile(r"(amount|price|total|fee|currency|id|uuid|reference)$", re.IGNORECASE)
_SORTED = json.JSONEncoder(sort_keys=True, default=str)
MAX_CHARS = 200


def key_of(name: str, created_at: str, payload: Mapping[str, Any]) -> str:
    """The dedupe key of an event. An unknown one is known by everything it says."""
    parts: tuple[str, ...]
    if name == "new_digital_product":
        parts = ("purchase_id",) if _said(payload, "purchase_id") else ("product_id", USER, "amount", CREATED)
    elif name in _PARTS:
        parts = _PARTS[name]
    else:
        return short(f"{name}:{digest([created_at, payload])}")
    return short(":".join([name, *(_part(payload, created_at, part) for part in parts)]))


def ref_of(name: str, created_at: str, payload: Mapping[str, Any]) -> str | None:
    """The transaction or order that an event is about, in the form that charges have; None where there is none.

    A shop order's uuid, a purchase's id, `physical:` and the order's number, a token charge's own uuid; donations and
    subscriptions have no id, so theirs is made of what tells them apart.
    """
    if name == "new_digital_product" and not _said(payload, "purchase_id"):
        return digital_ref(payload, created_at)
    for start, field, prefix in (
        (("new_digital_product", "digital_product_refunded"), "purchase_id", ""),
        (("shop_order",), "uuid", ""),
        (("shop_token",), "chargeUuid", ""),
        (("physical_order",), "order_id", "physical:"),
    ):
        if name.startswith(start):
            return short(prefix + _said(payload, field)) if _said(payload, field) else None
    family, _, kind = name.rpartition("_")
    if name in _PARTS and kind in ("donation", "subscription"):
        return made_ref(kind, family, payload, created_at)
    return None


def made_ref(kind: str, family: str, payload: Mapping[str, Any], created_at: str) -> str:
    """The ref of a `donation` or `subscription` payment; `family` is `new`, `renewed`, `recurrent` or `cancelled`."""
    parts = _DONATION if kind == "donation" else _SUBSCRIPTION
    return short(":".join([kind, family, *(_part(payload, created_at, part) for part in parts)]))


def digital_ref(payload: Mapping[str, Any], created_at: str) -> str:
    """The ref of a digital purchase: its id, or in the form of 2025, which had none, what tells it apart."""
    if _said(payload, "purchase_id"):
        return short(_said(payload, "purchase_id"))
    parts = ("product_id", USER, "amount", CREATED)
    return short(":".join(["purchase", *(_part(payload, created_at, part) for part in parts)]))


def content_of(payload: Any) -> str:
    """A digest of what an event says about money and ids: another one under the same key is a contradiction."""
    return digest(_mattering(payload))


def digest(value: Any) -> str:
    """SHA-256 of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(_SORTED.encode(value).encode()).hexdigest()


def short(text: str) -> str:
    """A text that fits a key: a long one is replaced by its digest."""
    return text if len(text) <= MAX_CHARS else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _part(payload: Mapping[str, Any], created_at: str, part: str) -> str:
    if part == CREATED:
        return created_at or "-"
    if part == USER:
        return next((found for name in _USER_FIELDS if (found := _said(payload, name))), "anon")
    return _said(payload, part) or "-"


def _said(payload: Mapping[str, Any], name: str) -> str:
    value = payload.get(name)
    if value is None or value == "":
        return ""
    return plain(str(value)).strip() if isinstance(value, str | int) and not isinstance(value, bool) else digest(value)


def _mattering(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _mattering(item) for name, item in value.items() if isinstance(item, dict | list) or _matters(name)
        }
    return [_mattering(item) for item in value] if isinstance(value, list) else value


@functools.lru_cache(1024)
def _matters(name: str) -> bool:
    """Remembered: the same few names come with every delivery."""
    return bool(_MATTERS.search(name))
