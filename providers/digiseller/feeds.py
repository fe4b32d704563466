"""The smaller feeds: refund receipts, which tell when money went back, and chats that the administration opened."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

from providers.digiseller import parse
from providers.digiseller.client import Client, verdict
from providers.digiseller.fields import flag, kept, moscow_text, plain, whole
from reconciler.errors import BadRecord, Retryable
from reconciler.model import Gap, Page, Quarantined, RawRecord, Signal, Transaction, Window

COUNT = 200
MAX_PAGES = 500
MINUTE = timedelta(minutes=1)


def receipts(client: Client, window: Window) -> Iterator[Page]:
    """Refund operations of `window` with their exact times (fact sheet A6); raises Retryable or NeedsOperator."""
    taken: dict[str, str] = {}
    for number in range(1, MAX_PAGES + 1):
        params = receipts_request(window, number, COUNT)
        items, more = client.call("GET", "sellers/account/receipts", params=params, read=_receipts)
        page = _receipts_page(items, taken)
        if not more or not items:
            yield _last(page, window, complete=not more)
            return
        yield page
    yield _endless(parse.RECEIPTS, window)


def receipts_request(window: Window, page: int, count: int) -> dict[str, Any]:
    """The query for one page. The zone of its bounds is unknown: the earlier reading of `start`, the later of `finish`.

    UTC's clock is behind Moscow's, so UTC text for `start` and Moscow text for `finish` hold the window either way.
    """
    start = (window.since - MINUTE).astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
    finish = moscow_text(window.until + MINUTE).replace(" ", "T")[:16]
    return {"page": page, "count": count, "type": "refund", "start": start, "finish": finish}


def chats(client: Client, window: Window) -> Iterator[Page]:
    """A signal for each chat with a message in `window`; every page is read, as their order is not promised (A8)."""
    for number in range(1, MAX_PAGES + 1):
        params = {"filter_new": 0, "pagesize": COUNT, "page": number}
        items, pages = client.call("GET", "debates/v2/chats", params=params, read=_chats)
        page = _chats_page(client, window, items)
        if number >= pages or not items:
            yield _last(page, window, complete=number >= pages)
            return
        yield page
    yield _endless(parse.CHATS, window)


def _receipts(answer: dict[str, Any]) -> tuple[list[Any], bool]:
    content = answer.get("content")
    if verdict(answer) is None or not isinstance(content, dict):
        raise Retryable("DigiSeller's receipts are not in their shape (retval or content is missing)")
    items = _rows(content, "items")
    try:
        return items, flag(content.get("has_next_page"), "has_next_page")
    except BadRecord as error:
        raise Retryable(f"DigiSeller's receipts are not in their shape ({error})") from None


def _chats(answer: dict[str, Any]) -> tuple[list[Any], int]:
    """The documented shape is `cnt_pages, items`; working clients read `pages, chats` (fact sheet A13.11)."""
    names = ("chats", "pages") if "chats" in answer else ("items", "cnt_pages")
    items = _rows(answer, names[0])
    try:
        return items, whole(answer.get(names[1]), names[1])
    except BadRecord as error:
        raise Retryable(f"DigiSeller's chats are not in their shape ({error})") from None


def _rows(body: dict[str, Any], name: str) -> list[Any]:
    rows = body.get(name)
    if name not in body or not isinstance(rows, list | None):
        raise Retryable(f"DigiSeller's answer has no list {name!r}")
    return rows or []


def _receipts_page(items: list[Any], taken: dict[str, str]) -> Page:
    found: dict[str, Transaction] = {}
    raws: list[RawRecord] = []
    bad: list[Quarantined] = []
    for item in items:
        key = plain(item.get("account_operation_id")) if isinstance(item, dict) else None
        try:
            refund = parse.receipt(item)
            if refund is None:
                continue
            _once(refund, key, taken)
        except BadRecord as error:
            bad.append(parse.unreadable(parse.RECEIPTS, item, str(error), key))
            continue
        found[refund.ref] = refund
        raws.append(RawRecord(parse.PROVIDER, parse.RECEIPTS, key or refund.ref, kept(item)))
    return Page(parse.RECEIPTS, tuple(found.values()), raws=tuple(raws), quarantined=tuple(bad))


def _once(refund: Transaction, key: str | None, taken: dict[str, str]) -> None:
    """Refuse a second operation that refunds the same invoice: nobody says what partial refunds look like (A9)."""
    first = taken.setdefault(refund.ref, key or "")
    if first != (key or ""):
        raise BadRecord(f"invoice {refund.parent_ref} has a second refund operation beside {first}")


def _chats_page(client: Client, window: Window, items: list[Any]) -> Page:
    signals: list[Signal] = []
    raws: list[RawRecord] = []
    bad: list[Quarantined] = []
    for item in items:
        key = plain(item.get("id_i")) if isinstance(item, dict) else None
        try:
            ref, last_at = parse.chat(item)
            if not window.since <= last_at < window.until:
                continue
            answer = _chat_state(client, ref)
            signals.append(parse.chat_signal(ref, answer, last_at))
        except BadRecord as error:
            bad.append(parse.unreadable(parse.CHATS, item, str(error), key))
            continue
        raws.append(RawRecord(parse.PROVIDER, parse.CHATS, ref, kept({**item, **answer})))
    return Page(parse.CHATS, signals=tuple(signals), raws=tuple(raws), quarantined=tuple(bad))


def _chat_state(client: Client, ref: str) -> dict[str, Any]:
    """The chat's state; an answer that says no about this one chat is a bad record, so that the others go on."""

    def judge(status: int, answer: dict[str, Any]) -> dict[str, Any]:
        if status != 200 or verdict(answer):
            raise BadRecord(f"DigiSeller does not tell the chat's state ({status}: {client.text(answer)})")
        return answer

    state: dict[str, Any] = client.look("debates/v2/chat-state", judge, {"id_i": ref})
    return state


def _last(page: Page, window: Window, *, complete: bool) -> Page:
    """The page that ends a list; one that promises more and gives nothing proves nothing."""
    if complete:
        return replace(page, drained=window)
    return replace(page, gap=Gap(window, "a page of the list promises more and holds nothing"))


def _endless(feed: str, window: Window) -> Page:
    return Page(feed, gap=Gap(window, f"the list has more than {MAX_PAGES} pages"))
