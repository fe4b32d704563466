"""Calls to Tribute's REST API: each returns the records of one answer, or raises the error that fits the fault."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, TypeVar

from providers.tribute import answers
from reconciler.errors import BadRecord, NeedsOperator, Retryable
from reconciler.http import Answer, Http

MAX_PAGES = 500
PHYSICAL_PAGE = 50
_CODE = re.compile(r"[a-z][a-z_]{1,60}", re.ASCII)
T = TypeVar("T")


class Refused(NeedsOperator):
    """A 403 or 404: no such thing for this key. Callers who ask for one record take it as "not found"."""

    def __init__(self, message: str, status: int) -> None:
        """Keep the status beside the line for a person."""
        super().__init__(message)
        self.status = status


class Client:
    """Tribute's read-only calls over one `Http`. All raise Retryable, NeedsOperator, and Refused on 403 and 404."""

    def __init__(self, http: Http) -> None:
        """`http` carries base URL, `Api-Key` header and pace."""
        self._http = http

    def shops(self) -> list[answers.Shop]:
        """Active shops, oldest first (fact sheet A5)."""
        return self._get("shops", {}, lambda value: _shops(answers.bare_list(value)))

    def orders(self, day: date, shop: int | None) -> list[Any]:
        """Every order created on one UTC day, newest first; the whole day comes in one answer (fact sheet A5.1)."""
        params = {"dateFrom": day.isoformat(), "dateTo": day.isoformat(), **_of(shop)}
        return self._get("shop/orders", params, answers.bare_list)

    def order(self, uuid: str, shop: int | None) -> dict[str, Any]:
        """One order; 404 and 403 (someone else's) raise Refused (fact sheet A5)."""
        return self._get(f"shop/orders/{uuid}", _of(shop), answers.one_record)

    def transactions(self, uuid: str, shop: int | None) -> list[Any]:
        """All transactions of an order, newest first, read to the last page (fact sheet A5.5).

        Raises BadRecord when the pages lead in a circle or do not end: half a list would name the wrong first sale.
        """
        rows: list[Any] = []
        seen: set[str] = set()
        start = ""
        for _ in range(MAX_PAGES):
            params = {**_of(shop), **({"startFrom": start} if start else {})}
            more, start = self._get(f"shop/orders/{uuid}/transactions", params, answers.transaction_page)
            rows += more
            if not start:
                return rows
            if start in seen:
                raise BadRecord(f"the pages of its transactions lead in a circle at startFrom={start[:40]}")
            seen.add(start)
        raise BadRecord(f"its transactions go on past {MAX_PAGES} pages")

    def physical_pages(self) -> Iterator[list[Any]]:
        """Orders of physical goods, page by page until one is short or empty (fact sheet A4.4).

        An account without physical goods answers 403 or 404 to the first page, which is an empty list. Raises
        NeedsOperator past the page limit, and Retryable when pages repeat themselves.
        """
        seen: set[str] = set()
        for number in range(1, MAX_PAGES + 1):
            try:
                rows, limit = self._physical_page(number)
            except Refused as error:
                if number == 1 or error.status == 404:
                    return
                raise
            keys = {str(row.get("id") if isinstance(row, dict) else row) for row in rows}
            if keys and keys <= seen:
                raise Retryable(f"GET /physical/orders repeats itself at page {number}")
            seen |= keys
            yield rows
            if len(rows) < (limit or PHYSICAL_PAGE):
                return
        raise NeedsOperator(f"GET /physical/orders goes on past {MAX_PAGES} pages; tell the maintainers")

    def physical_sold(self) -> bool:
        """Whether this account may read orders of physical goods."""
        try:
            self._physical_page(1)
        except Refused:
            return False
        return True

    @property
    def ahead_s(self) -> float | None:
        """How many seconds this machine's clock is ahead of Tribute's; None when its answers do not tell."""
        return self._http.ahead_s

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def _physical_page(self, number: int) -> tuple[list[Any], int | None]:
        return self._get("physical/orders", {"page": number, "limit": PHYSICAL_PAGE}, answers.order_page)

    def _get(self, path: str, params: Mapping[str, Any], shape: Callable[[Any], T]) -> T:
        found: T = self._http.call("GET", path, params=params, read=lambda answer: _shaped(answer, path, shape))
        return found


def _of(shop: int | None) -> dict[str, int]:
    """Without `shopId` Tribute answers for the oldest shop, so it is always sent where it is known (fact sheet A5)."""
    return {} if shop is None else {"shopId": shop}


def _shaped(answer: Answer, path: str, shape: Callable[[Any], T]) -> T:
    body = _checked(answer, path)
    try:
        return shape(body.json())
    except Retryable as error:
        raise Retryable(f"GET /{path}: {error}") from None


def _checked(answer: Answer, path: str) -> Answer:
    """The answer if it is a success (any 2xx), by its status first and its code second (fact sheet A2.5)."""
    if 200 <= answer.status < 300:
        return answer
    what = f"Tribute answered {answer.status}{_code(answer)} to GET /{path}"
    if answer.status == 408:
        raise Retryable(what)
    if answer.status == 401:
        raise NeedsOperator(f"{what}: put the current key into [providers.tribute] api_key")
    if answer.status in (403, 404):
        raise Refused(f"{what}: check [providers.tribute] api_key and shop_ids", answer.status)
    raise NeedsOperator(f"{what}: the program's request is refused; check [providers.tribute] base_url")


def _code(answer: Answer) -> str:
    """The error's code, which shop routes call `error` and creator routes `code`; nothing where there is no JSON."""
    try:
        body = answer.json()
    except Retryable:
        return ""
    values = body if isinstance(body, dict) else {}
    codes = [code for code in (values.get("error"), values.get("code")) if isinstance(code, str)]
    return f" ({codes[0]})" if codes and _CODE.fullmatch(codes[0]) else ""


def _shops(records: list[Any]) -> list[answers.Shop]:
    try:
        return [answers.shop(record) for record in records]
    except BadRecord as error:
        raise Retryable(f"the list of shops cannot be understood: {error}") from None
