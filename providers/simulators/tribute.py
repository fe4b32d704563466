"""A simulated Tribute: shops, shop orders with transactions and physical orders over real HTTP (fact sheet A11)."""

import json
import uuid as uuids
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from providers.simulators.server import Reply, SimulatedServer
from providers.simulators.tribute_records import Forms, Sale, ShopOrder, Switches, json_number, shop_json

BASE = "/api/v1"
FEE_PERCENT = 8
_MESSAGES = {400: "bad request", 401: "Invalid API Key", 403: "no access", 404: "not found"}
_CODES = {400: "error_bad_request", 401: "error_not_permitted", 403: "no_access", 404: "error_not_found"}


class TributeSimulator(SimulatedServer):
    """Tribute's pull side. Fill it with `add_order`, `pay`, `charge_again`, `refund` and `add_physical`."""

    def __init__(
        self,
        *,
        api_key: str = "test_api_key",
        shops: Sequence[int] = (1,),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`shops` are the ids of the active shops, oldest first; `now` dates what is given no time."""
        super().__init__(now)
        self.api_key = api_key
        self.shops = list(shops)
        self.switches = Switches()
        self._forms = Forms(self.switches)
        self._orders: dict[str, ShopOrder] = {}
        self._physical: dict[int, dict[str, Any]] | None = None
        self._last_id = 2**32

    @property
    def base_url(self) -> str:
        """What `[providers.tribute] base_url` has to be."""
        return self.url + BASE

    def add_order(
        self,
        uuid: str | None = None,
        *,
        amount_minor: int = 100_000,
        currency: str = "rub",
        title: str = "Credits",
        created_at: datetime | None = None,
        email: str | None = None,
        customer_id: str | None = None,
        status: str = "pending",
        period: str = "onetime",
        shop_id: int | None = None,
        **extra: Any,
    ) -> str:
        """Create an order and return its uuid; with status `paid` its first sale is made at once.

        `extra` are further fields of its JSON, by Tribute's own names; None takes a field away.
        """
        values = {"title": title, "email": email, "customerId": customer_id, **extra}
        paid = status == "paid"
        with self.lock:
            order = ShopOrder(
                uuid=(uuid or str(uuids.uuid4())).lower(),
                shop_id=self.shops[0] if shop_id is None else shop_id,
                amount_minor=amount_minor,
                currency=currency,
                created_at=created_at or self.now(),
                status="pending" if paid else status,
                period=period,
                extra=values,
            )
            self._orders[order.uuid] = order
            if paid:
                self.pay(order.uuid, at=order.created_at)
        return order.uuid

    def pay(self, uuid: str, *, at: datetime | None = None, amount_minor: int | None = None, flags: bool = True) -> int:
        """The buyer pays: the order becomes paid and has its first sale, whose id is returned."""
        with self.lock:
            self._orders[uuid].status = "paid"
            first = self._orders[uuid].extra.get("firstPeriodAmount")
            return self.charge_again(uuid, at=at, amount_minor=amount_minor or first, recurring=False, flags=flags)

    def charge_again(
        self,
        uuid: str,
        *,
        at: datetime | None = None,
        amount_minor: int | None = None,
        recurring: bool | None = None,
        flags: bool = True,
        sale_id: int | None = None,
    ) -> int:
        """One more sale: a recurring order's next period, or a double charge. Without `flags` it has no booleans.

        `sale_id` is the next one unless given.
        """
        with self.lock:
            order = self._orders[uuid]
            again = order.period != "onetime" if recurring is None else recurring
            amount = order.amount_minor if amount_minor is None else amount_minor
            when = at or self.now()
            number = self._next_id() if sale_id is None else sale_id
            order.sales.append(Sale(number, amount, when, again, amount * FEE_PERCENT // 100, flags=flags))
            order.last_paid_at = when if order.period != "onetime" else None
            return order.sales[-1].id

    def refund(
        self, uuid: str, transaction_id: int | None = None, *, at: datetime | None = None, completed: bool = True
    ) -> None:
        """Money goes back for one sale (the latest), whoever asked; repeat a call that is not `completed` to end it."""
        with self.lock:
            sales = self._orders[uuid].sales
            sale = next((one for one in sales if one.id == transaction_id), sales[-1])
            sale.refund = "completed" if completed else "initiated"
            sale.row_id = sale.row_id or self._next_id()
            sale.row_at = sale.row_at or at or self.now()

    def add_row(self, uuid: str, **fields: Any) -> None:
        """Put a row of any form among an order's transactions: other types, other units, nonsense."""
        with self.lock:
            usual = {"id": self._next_id(), "type": "shop_order_sell", "createdAt": int(self.now().timestamp())}
            self._orders[uuid].rows.append(usual | fields)

    def set_status(self, uuid: str, status: str) -> None:
        """Give an order any state, documented or not, without touching its transactions."""
        with self.lock:
            self._orders[uuid].status = status

    def add_physical(
        self,
        number: int,
        *,
        prices: Sequence[tuple[str, int]] = (("150", 2),),
        delivery: str = "25.5",
        currency: str = "usd",
        status: str = "pending",
        created_at: datetime | None = None,
        **extra: Any,
    ) -> None:
        """Create an order of goods at (price, quantity) each, in major units; `extra` overrides fields of its JSON."""
        items = [
            {
                "id": 567 + place,
                "price": json_number(price),
                "quantity": count,
                "currency": currency,
                "name": f"Item {place}",
            }
            for place, (price, count) in enumerate(prices)
        ]
        record = {
            "id": number,
            "status": status,
            "created": (created_at or self.now()).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "fullName": "John Doe",
            "email": "john@example.com",
            "phone": "+1234567890",
            "telegramID": 5_123_456_789,
            "address": {"countryIso2": "US", "countryIso3": "USA"},
            "locality": "New York",
            "fullAddress": "USA, New York, 5th Avenue, 123",
            "customerNote": "Please call before delivery",
            "items": items,
            "deliveryCost": json_number(delivery),
            "currency": currency,
        }
        with self.lock:
            self._physical = (self._physical or {}) | {number: record | extra}

    def handle(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> Reply:
        """Answer as Tribute does: key first, then route."""
        if self.calls[-1].headers.get("api-key") != self.api_key:
            return self._error(401)
        parts = path.removeprefix(BASE).strip("/").split("/") if path.startswith(BASE + "/") else []
        if method != "GET":
            return self._error(404)
        match parts:
            case ["shops"]:
                return _reply(self._forms.or_null([shop_json(number) for number in self.shops]))
            case ["shop", "orders", *rest]:
                return self._shop_orders(rest, query)
            case ["physical", "orders", *rest]:
                return self._goods(rest, query)
        return self._error(404)

    def _shop_orders(self, rest: Sequence[str], query: Mapping[str, str]) -> Reply:
        asked = query.get("shopId", str(self.shops[0]) if self.shops else "")
        if not asked.isdigit() or int(asked) not in self.shops:
            return self._error(404)
        return self._order(int(asked), rest, query) if rest else self._day(int(asked), query)

    def _order(self, shop: int, rest: Sequence[str], query: Mapping[str, str]) -> Reply:
        order = self._orders.get(rest[0].lower())
        if order is None or order.shop_id != shop:
            return self._error(404 if order is None else 403)
        match rest[1:]:
            case []:
                return _reply(self._forms.order(order))
            case ["status"]:
                return _reply({"status": order.status})
            case ["transactions"]:
                return self._transactions(order, query.get("startFrom", "0"))
        return self._error(404)

    def _day(self, shop: int, query: Mapping[str, str]) -> Reply:
        try:
            since = date.fromisoformat(query.get("dateFrom", "2000-01-01"))
            until = date.fromisoformat(query.get("dateTo", "2999-12-31"))
        except ValueError:
            return self._error(400)
        found = [
            self._forms.order(order)
            for order in reversed(self._orders.values())
            if order.shop_id == shop and since <= order.created_at.astimezone(UTC).date() <= until
        ]
        return _reply(self._forms.or_null(found))

    def _transactions(self, order: ShopOrder, start: str) -> Reply:
        rows = self._forms.rows(order)
        first, size = int(start) if start.isdigit() else 0, self.switches.page_size
        more = first + size < len(rows)
        following = str(first + size) if more else ""
        if self.switches.paging == "circle":
            following = start if first else str(size)
        return _reply({"transactions": self._forms.or_null(rows[first : first + size]), "nextFrom": following})

    def _goods(self, rest: Sequence[str], query: Mapping[str, str]) -> Reply:
        if self._physical is None:
            return self._error(404)
        rows = [self._forms.good(row) for _, row in sorted(self._physical.items(), reverse=True)]
        if rest:
            found = [row for row in rows if str(row["id"]) == rest[0]]
            return _reply(found[0]) if found else self._error(404)
        page, limit = int(query.get("page", "1")), min(int(query.get("limit", "50")), 50)
        shown = rows[(page - 1) * limit : page * limit]
        return _reply(
            {"rows": self._forms.or_null(shown), "meta": {"total": len(rows), "offset": page, "limit": limit}}
        )

    def _error(self, status: int) -> Reply:
        body = {"error": _CODES[status], "message": _MESSAGES[status]}
        if self.switches.errors == "creator":
            body = {"requestId": uuids.uuid4().hex, "code": _CODES[status], "message": _MESSAGES[status]}
        return _reply(body, status)

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id


def _reply(value: Any, status: int = 200) -> Reply:
    """Compact JSON with `&`, `<` and `>` escaped, as Go's encoder writes it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "&<>":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return status, {"Content-Type": "application/json"}, text.encode()
