"""The form for a buyer's refund review request, and the evidence file of a chargeback."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from reconciler.errors import BadRecord
from reconciler.policy import STATED, stated_reason
from reconciler.store import evidence_files
from reconciler.store.acts import Done, enter
from reconciler.store.case_views import chargeback_page
from reconciler.store.engine import read, write
from reconciler.store.evidence import gather
from reconciler.store.reviews import NewReview, add_review
from reconciler.web.dashboard.guard import ByOperator, Change, Operator, Viewer
from reconciler.web.dashboard.site import Site, page, site_of

_FIELDS = ("order", "unique_code", "email", "account", "text", "reason", "received_at")
router = APIRouter(include_in_schema=False)


@router.get("/reviews/new")
def form(request: Request, visitor: Operator) -> Response:
    """An empty form."""
    return _form(request, visitor, dict.fromkeys(_FIELDS, ""))


@router.post("/reviews/new")
def add(request: Request, change: ByOperator) -> Response:
    """Enter the request; what it lacks is said on its case."""
    site = site_of(request)
    given = {name: change.text(name, 10_000) for name in _FIELDS}
    try:
        new = _review(site, change, given)

        def work(connection: sa.Connection, now: datetime) -> tuple[str, Done]:
            row = add_review(connection, site.settings, new, now)
            return row["case_id"], {"id": row["id"]}

        with write(site.engine) as connection:
            said = enter(connection, site.settings, work, site.now())
    except BadRecord as error:
        return _form(request, change.visitor, given, 422, str(error))
    return RedirectResponse(f"/cases/{said['case_id']}?done=entered", 303)


@router.get("/chargebacks")
def chargebacks(request: Request, visitor: Viewer, after: str = "") -> Response:
    """The chargebacks on record, the newest first."""
    site = site_of(request)
    with read(site.engine) as connection:
        rows, following = chargeback_page(connection, site.now(), after)
    return page(request, "chargebacks", visitor, rows=rows, next=following, after=after)


@router.get("/chargebacks/{id_}/evidence.zip")
def evidence(request: Request, visitor: Operator, id_: str) -> Response:
    """The evidence file for a dispute."""
    site = site_of(request)
    with read(site.engine) as connection:
        packet = gather(connection, site.settings, id_, site.now())
    headers = {"Content-Disposition": f'attachment; filename="{evidence_files.name_of(packet)}.zip"'}
    return Response(evidence_files.zipped(site.settings, packet), 200, headers, "application/zip")


def _review(site: Site, change: Change, given: dict[str, str]) -> NewReview:
    received = _received(site, given["received_at"])
    sent = ((str(file.filename), file.file.read()) for file in change.files("evidence"))
    files = tuple(evidence_files.keep_contents(site.settings, sent))
    reason = given["reason"] if given["reason"] in STATED else stated_reason(given["text"])
    return NewReview(
        received, given["order"], given["unique_code"], given["email"], given["account"], given["text"], reason, files,
        change.visitor.name,
    )  # fmt: skip


def _received(site: Site, text: str) -> datetime:
    try:
        received = datetime.fromisoformat(text) if text else site.now()
    except ValueError:
        raise BadRecord(f"{text[:30]!r} is no time: write it as in 2026-11-22T10:00") from None
    received = received if received.tzinfo else received.replace(tzinfo=site.zone)
    if received > site.now():
        raise BadRecord("the request was received in the future: correct the time")
    return received


def _form(
    request: Request, visitor: Any, given: dict[str, str], status: int = 200, wrong: str | None = None
) -> Response:
    return page(request, "review", visitor, status, given=given, wrong=wrong, reasons=tuple(STATED))
