"""Looks up single invoices by `purchase/info`, and tells 'not found' from every other refusal (fact sheet A4)."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from providers.digiseller import parse
from providers.digiseller.client import Client, verdict
from reconciler.errors import Retryable
from reconciler.model import FailedLook, Page

FAULTS_IN_A_ROW = 3
_INVOICE = re.compile(r"[0-9]{1,18}", re.ASCII)
_PASSING = re.compile(
    r"time[- ]?out|timed out|try again|later|internal error|server error|service.{0,20}unavailable|maintenance"
    r"|too many|limit|ошибка сервера|внутренняя ошибка|сервис.{0,20}недоступ|временно|позже|повтор|лимит|превыш",
    re.IGNORECASE,
)
_NOT_ABOUT_IT = re.compile(r"no http resource|permission|forbidden|denied|not allowed|\bправ\b|доступ", re.IGNORECASE)


def read(client: Client, refs: Iterable[str], now: Callable[[], datetime]) -> Iterator[Page]:
    """One page for each ref, which says so where it could not be read; raises Retryable or NeedsOperator.

    An invoice that cannot be read now keeps back none of the others; when several follow each other, the fault is
    raised, since then it is the service that is down. A ref that is no number is not found without asking: invoices
    are whole numbers (fact sheet A0.1).
    """
    in_a_row = 0
    for ref in refs:
        if not (_INVOICE.fullmatch(ref) and int(ref)):
            yield parse.not_found(ref, now())
            continue
        try:
            page, fault = _read_one(client, ref, now), None
        except Retryable as error:
            page, fault = Page(parse.DETAILS, failed=(FailedLook(parse.PROVIDER, ref, str(error)),)), error
        yield page
        in_a_row = in_a_row + 1 if fault else 0
        if fault and in_a_row == FAULTS_IN_A_ROW:
            raise fault


def _read_one(client: Client, ref: str, now: Callable[[], datetime]) -> Page:
    def judge(status: int, answer: dict[str, Any]) -> Page:
        code, text = verdict(answer), client.text(answer)
        if status == 200 and code == 0:
            return parse.details(ref, answer.get("content"), now())
        said = f"DigiSeller answered purchase/info/{ref} with {status}, retval {code}: {text}"
        if _PASSING.search(text):
            raise Retryable(said)
        if _denies(status, code, answer) and not _NOT_ABOUT_IT.search(text):
            return parse.not_found(ref, now())
        return Page(parse.DETAILS, quarantined=(parse.unreadable(parse.DETAILS, answer, said, ref),))

    page: Page = client.look(f"purchase/info/{int(ref)}", judge)
    return page


def _denies(status: int, code: int | None, answer: dict[str, Any]) -> bool:
    """Whether the answer says that there is no such invoice: `retval` other than 0 without content, or a JSON 404.

    Which code and text mean it is unknown (fact sheet A4, A13.23); what stays doubtful is put aside for a person.
    """
    return answer.get("content") is None and (bool(code) or (code is None and status == 404))
