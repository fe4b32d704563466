"""The webhooks of the simulated Tribute: every event of fact sheet A6, signed, as its Go server would write it."""

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from providers.simulators.push import Attempt, Pusher

EIGHT_STEPS = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 30, 60, 120, 240, 480, 480))
FIVE_STEPS = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 30, 60, 600))


@dataclass
class EventSwitches:
    """What nobody documents about events, each with the likelier form as its default."""

    customer_id: bool = True
    currency: Literal["lower", "upper"] = "lower"
    intermediate: Literal["none", "shop_order_payment_received", "shop_order_prepaid"] = "none"


class TributeEvents:
    """Pushes events to a receiver; `key` may change at any time, as when it is rotated."""

    def __init__(self, pusher: Pusher, key: str, now: Callable[[], datetime]) -> None:
        """`now` dates what is given no time of its own."""
        self.pusher, self.key, self.switches, self._now = pusher, key, EventSwitches(), now

    def emit(self, name: str, payload: dict[str, Any], created_at: datetime | None = None) -> None:
        """Push any event, known or not."""
        created = created_at or self._now()
        self.pusher.add(created, self._attempt(name, payload, written(created)))

    def test(self) -> None:
        """The dashboard's test button: no envelope."""
        self.pusher.add(self._now(), lambda _at: self._signed(b'{"test_event":"test_event"}'))

    def purchase(self, number: int, *, at: datetime | None = None, user: int | None = 12321321, **more: Any) -> None:
        """A digital product sold; `more` overrides fields."""
        payload = {"product_id": 456, "product_name": "Credits", "amount": 500, "currency": "usd"}
        buyer = {} if user is None else {"user_id": user, "trb_user_id": f"T-{user}", "telegram_user_id": user}
        ids = {
            "purchase_id": number,
            "transaction_id": number + 10**6,
            "purchase_created_at": written(at or self._now()),
        }
        self.emit("new_digital_product", self._payload(payload | buyer | ids | more), at)

    def purchase_refunded(
        self, number: int, *, at: datetime | None = None, reason: str = "telegram_refund", **more: Any
    ) -> None:
        """Its money back, by the stores, the bank or the seller."""
        payload = {"product_id": 456, "amount": 500, "currency": "usd", "purchase_id": number}
        ids = {"transaction_id": number + 10**6, "refund_reason": reason, "refunded_at": written(at or self._now())}
        self.emit("digital_product_refunded", self._payload(payload | ids | more), at)

    def order_paid(self, uuid: str, *, at: datetime | None = None, **more: Any) -> None:
        """The first payment of a shop order, after the intermediate event that is switched on."""
        payload = self._order(uuid) | {"fee": 8000, "status": "paid", "isRecurrent": False} | more
        if self.switches.intermediate != "none":
            self.emit(self.switches.intermediate, self._payload(self._order(uuid)), at)
        self.emit("shop_order", self._payload(payload), at)

    def charged_again(self, uuid: str, *, at: datetime | None = None, **more: Any) -> None:
        """A later period of a recurring order."""
        expires = written((at or self._now()) + timedelta(days=30))
        recurring = {"isRecurrent": True, "period": "monthly", "memberStatus": "active", "memberExpiresAt": expires}
        self.emit("shop_order_charge_success", self._payload(self._order(uuid) | recurring | more), at)

    def order_refunded(
        self, uuid: str, transaction: int, status: str, *, at: datetime | None = None, **more: Any
    ) -> None:
        """One of the two events of a refund: `initiated` or `completed`."""
        payload = self._order(uuid) | {"transactionId": transaction, "status": status, "isRecurrent": False}
        back = {"refundedAt": written(at or self._now())} if status == "completed" else {}
        self.emit("shop_order_refunded", self._payload(payload | back | more), at)

    def _order(self, uuid: str) -> dict[str, Any]:
        customer = {"customerId": "user_12345"} if self.switches.customer_id else {}
        return {"uuid": uuid, "shopId": 1, "amount": 100_000, "currency": "rub", **customer}

    def _payload(self, values: dict[str, Any]) -> dict[str, Any]:
        if self.switches.currency == "upper" and "currency" in values:
            values["currency"] = values["currency"].upper()
        return {name: value for name, value in values.items() if value is not None}

    def _attempt(self, name: str, payload: dict[str, Any], created: str) -> Attempt:
        def attempt(at: datetime) -> tuple[dict[str, str], bytes]:
            event = {"name": name, "created_at": created, "sent_at": written(at), "payload": payload}
            return self._signed(compact(event))

        return attempt

    def _signed(self, body: bytes) -> tuple[dict[str, str], bytes]:
        signature = hmac.new(self.key.encode(), body, hashlib.sha256).hexdigest()
        return {"Content-Type": "application/json", "trbt-signature": signature}, body


def written(at: datetime) -> str:
    """A time as events write it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def compact(value: Any) -> bytes:
    """Compact JSON with `&`, `<` and `>` escaped, as Go's encoder writes it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "&<>":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text.encode()
