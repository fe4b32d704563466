"""A made-up DigiSeller on loopback: the calls the provider makes, with each unknown of the fact sheet a switch."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from providers.simulators.digiseller_records import (
    MOSCOW,
    SOLD,
    SimulatedSale,
    Switches,
    chat,
    info,
    receipts,
    row,
    written,
)
from providers.simulators.server import Reply, SimulatedServer

MAX_ROWS, MAX_COUNT = 1000, 200


class DigiSellerSimulator(SimulatedServer):
    """DigiSeller in memory. Change `sales` by the methods, `switches` by assignment; `now` is its wall clock."""

    def __init__(
        self,
        *,
        seller_id: int = 100001,
        api_key: str = "TEST_API_KEY_0001",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begin with no sales and the choices of `Switches`."""
        super().__init__(now)
        self.seller_id, self.api_key = seller_id, api_key
        self.switches = Switches()
        self.sales: dict[int, SimulatedSale] = {}
        self._between_pages: list[SimulatedSale] = []
        self._tokens: dict[str, datetime] = {}
        self._stamps: set[int] = set()
        self._sells_at: list[float] = []

    @property
    def base_url(self) -> str:
        """What goes into the configuration's `base_url`."""
        return f"{self.url}/api/"

    def add_sale(self, paid_at: datetime, invoice_id: int | None = None, **fields: Any) -> SimulatedSale:
        """Sell something at an aware time; the invoice number is the next one unless given."""
        sale = self._made(paid_at, invoice_id, fields)
        with self.lock:
            self.sales[sale.invoice_id] = sale
        return sale

    def arrive_between_pages(self, paid_at: datetime, invoice_id: int | None = None, **fields: Any) -> SimulatedSale:
        """Sell something at the moment when the second page of the sales list is next read."""
        sale = self._made(paid_at, invoice_id, fields)
        self._between_pages.append(sale)
        return sale

    def change(self, invoice_id: int, **fields: Any) -> None:
        """Set fields of a sale, such as `code_state=4` or `chat_state=2, chat_at=…`."""
        with self.lock:
            self.sales[invoice_id] = replace(self.sales[invoice_id], **fields)

    def start_refund(self, invoice_id: int) -> None:
        """The seller begins a refund that the buyer has to complete."""
        self.change(invoice_id, state=35)

    def finish_refund(self, invoice_id: int, receipt_at: datetime | None = None) -> None:
        """The money is back; the account operation comes now, or later by another call, or never."""
        self.change(invoice_id, state=5, returned=1, refunded_at=receipt_at)

    def review(self, invoice_id: int, text: str, *, negative: bool = True, deleted: bool = False) -> None:
        """The buyer writes a review."""
        kind = "negative" if negative else "positive"
        self.change(invoice_id, feedback={"deleted": deleted, "feedback": text, "feedback_type": kind, "comment": None})

    def expire_tokens(self) -> None:
        """Every token given out so far is refused from now on."""
        with self.lock:
            self._tokens.clear()

    def handle(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> Reply:
        """Answer as the documented API does; empty parameters count as absent."""
        call = self.calls[-1]
        if "json" not in call.headers.get("accept", ""):
            return 200, {"Content-Type": "application/xml"}, b'<?xml version="1.0"?><answer><retval>0</retval></answer>'
        given = {name: value for name, value in {**query, **_object(body)}.items() if value not in ("", None)}
        place = path.removeprefix("/api/").rstrip("/")
        if place == "apilogin":
            return self._reply(self._log_in(given))
        if not self._known(given.get("token")):
            return self._reply({"Message": "Authorization has been denied for this request."}, 401)
        if any(place.startswith(prefix) for prefix in self.switches.forbidden):
            return self._reply({"Message": "Forbidden"}, self.switches.forbidden_status)
        return self._answer(method, place, given, call.at_s)

    def _answer(self, method: str, place: str, given: Mapping[str, Any], at_s: float) -> Reply:
        if (method, place) == ("POST", "seller-sells/v2"):
            return self._sells_limited(given, at_s)
        if method == "GET" and place.startswith("purchase/info/"):
            return self._info(int(place.rpartition("/")[2]))
        if (method, place) == ("GET", "sellers/account/receipts"):
            return self._reply(self._receipts(given))
        if (method, place) == ("GET", "debates/v2/chats"):
            return self._reply(self._chats(given))
        if (method, place) == ("GET", "debates/v2/chat-state"):
            sale = self.sales.get(int(given.get("id_i", 0)))
            return self._reply({"chat_state": sale.chat_state if sale else 0, "may_change": 1})
        return self._reply({"Message": f"No HTTP resource was found that matches '{place}'."}, 404)

    def _made(self, paid_at: datetime, invoice_id: int | None, fields: dict[str, Any]) -> SimulatedSale:
        number = invoice_id or max([190000000, *self.sales, *(sale.invoice_id for sale in self._between_pages)]) + 1
        sale = SimulatedSale(number, paid_at, **fields)
        sale.code = sale.code or hashlib.sha256(str(number).encode()).hexdigest()[:16].upper()
        sale.entries = sale.entries or (number - 148400000,)
        return sale

    def _log_in(self, given: Mapping[str, Any]) -> dict[str, Any]:
        stamp = int(given.get("timestamp", 0))
        signed = hashlib.sha256(f"{self.api_key}{stamp}".encode()).hexdigest()
        if int(given.get("seller_id", 0)) != self.seller_id or given.get("sign") != signed:
            return self._no_token(-1, "sign ...")
        if stamp in self._stamps:
            return self._no_token(-4, "timestamp: ...")
        self._stamps.add(stamp)
        if self.switches.new_login_ends_old_token:
            self._tokens.clear()
        token = hashlib.md5(f"{stamp} {len(self._stamps)}".encode()).hexdigest().upper()
        self._tokens[token] = self.now()
        until = (self.now() + timedelta(minutes=self.switches.token_minutes)).astimezone(MOSCOW)
        valid_thru = f"{until:%Y-%m-%dT%H:%M:%S}" + (".4355113+03:00" if self.switches.valid_thru_zone else "")
        said = {"retval": 0, "desc": None, "endesc": None}
        return {**said, "token": token, "seller_id": self.seller_id, "valid_thru": valid_thru}

    def _no_token(self, code: int, text: str) -> dict[str, Any]:
        empty = {"token": None, "seller_id": 0, "valid_thru": "0001-01-01T00:00:00"}
        return {"retval": code, "desc": text, "endesc": text, **empty}

    def _known(self, token: Any) -> bool:
        given_at = self._tokens.get(str(token))
        return given_at is not None and self.now() - given_at < timedelta(minutes=self.switches.token_minutes)

    def _sells_limited(self, given: Mapping[str, Any], at_s: float) -> Reply:
        switches = self.switches
        self._sells_at = [then for then in self._sells_at if at_s - then < switches.sells_period_s]
        if switches.sells_limit and len(self._sells_at) >= switches.sells_limit:
            headers = {} if switches.retry_after_s is None else {"Retry-After": str(switches.retry_after_s)}
            return self._reply({"Message": "Too Many Requests"}, 429, headers)
        self._sells_at.append(at_s)
        return self._reply(self._sells(given))

    def _sells(self, given: Mapping[str, Any]) -> dict[str, Any]:
        page, size = int(given.get("page", 1)), min(int(given.get("rows", 10)), MAX_ROWS)
        while page > 1 and self._between_pages:
            sale = self._between_pages.pop()
            self.sales[sale.invoice_id] = sale
        sold = sorted(self._sold(given), key=self._place)
        total = sum(len(sale.entries) for sale in sold) + self.switches.total_rows_off
        listed = [(sale, entry) for sale in sold if not sale.hidden for entry in sale.entries]
        shown = [row(sale, entry, self.switches) for sale, entry in listed[(page - 1) * size : page * size]]
        return {
            "retval": 0,
            "retdesc": None,
            "total_rows": total,
            "pages": -(-total // size) or self.switches.empty_pages,
            "page": page,
            "rows": None if self.switches.rows_null and not shown else shown,
        }

    def _sold(self, given: Mapping[str, Any]) -> Iterator[SimulatedSale]:
        since, until = (_read_time(str(given[name]), MOSCOW) for name in ("date_start", "date_finish"))
        wanted, products = int(given.get("returned", 0)), given.get("product_ids") or ()
        for sale in self.sales.values():
            by_refund = wanted == 2 and not self.switches.returned_by_sale_date and sale.refunded_at
            when = (by_refund or sale.paid_at).replace(microsecond=0)
            inside = since <= when <= until if self.switches.bounds_inclusive else since < when < until
            fits = wanted == 0 or sale.returned == wanted - 1
            if inside and fits and sale.state in SOLD and (not products or sale.product_id in products):
                yield sale

    def _place(self, sale: SimulatedSale) -> Any:
        if self.switches.order == "mixed":
            return hashlib.sha256(str(sale.invoice_id).encode()).hexdigest()
        sign = 1 if self.switches.order == "oldest" else -1
        return sign * sale.paid_at.timestamp(), sign * sale.invoice_id

    def _info(self, invoice_id: int) -> Reply:
        sale = self.sales.get(invoice_id)
        answer = {"retval": 0 if sale else 1, "retdesc": None if sale else "...", "errors": None}
        content = info(sale, self.switches) if sale else None
        return self._reply({**answer, "content": content}, 404 if not sale and self.switches.not_found_as_404 else 200)

    def _receipts(self, given: Mapping[str, Any]) -> dict[str, Any]:
        page, size = int(given.get("page", 1)), min(int(given.get("count", 20)), MAX_COUNT)
        every = [found for sale in self.sales.values() for found in receipts(sale)]
        every.sort(key=lambda found: (found[0], found[1]["account_operation_id"]), reverse=True)
        items = [item for when, item in every if self._asked(given, when, item)]
        shown = items[(page - 1) * size : page * size]
        content = {
            "page": page,
            "count": len(shown),
            "has_next_page": page * size < len(items),
            "has_previous_page": page > 1,
            "total_count": len(items),
            "total_pages": -(-len(items) // size),
            "items": shown,
        }
        return {"retval": 0, "retdesc": None, "errors": None, "content": content}

    def _asked(self, given: Mapping[str, Any], when: datetime, item: dict[str, Any]) -> bool:
        if self.switches.receipts_ignore_filters:
            return True
        zone = self.switches.receipts_zone
        since, until = (_read_time(str(given[name]), zone) if name in given else when for name in ("start", "finish"))
        return since <= when <= until and given.get("type", item["operation"]["type"]) == item["operation"]["type"]

    def _chats(self, given: Mapping[str, Any]) -> dict[str, Any]:
        page, size = int(given.get("page", 1)), min(int(given.get("pagesize", 20)), MAX_COUNT)
        held = sorted((sale for sale in self.sales.values() if sale.chat_at), key=_chat_time, reverse=True)
        shown = [chat(sale, self.switches) for sale in held[(page - 1) * size : page * size]]
        names = ("cnt_pages", "items") if self.switches.chats_documented_shape else ("pages", "chats")
        return {names[0]: -(-len(held) // size), names[1]: shown}

    def _reply(self, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
        kind = {"Content-Type": "application/json; charset=utf-8"}
        return status, {**kind, **(headers or {})}, written(value, self.switches)


def _chat_time(sale: SimulatedSale) -> datetime:
    return sale.chat_at or sale.paid_at


def _object(body: bytes) -> dict[str, Any]:
    value = json.loads(body) if body else {}
    return value if isinstance(value, dict) else {}


def _read_time(text: str, zone: tzinfo) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)
