"""The queue of cases: narrowed by its address, exported, and decided many at once after a second look."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from reconciler.cases.model import ACTIONS, COMMANDED
from reconciler.errors import BadRecord
from reconciler.store import saved_views, users
from reconciler.store.acts import Done, Wanted, decide
from reconciler.store.engine import read, write
from reconciler.store.listing import Shown, all_cases, case_page, cases_of
from reconciler.web.dashboard.asked import asked_of, form_of, query_of
from reconciler.web.dashboard.exported import csv_of
from reconciler.web.dashboard.guard import ByOperator, Change, Viewer
from reconciler.web.dashboard.site import Site, page, site_of

AT_ONCE = 100
Tried = tuple[list[Done], list[dict[str, str]]]
"""What was done, and what was refused and why."""

router = APIRouter(include_in_schema=False)


@router.get("/cases")
def listed(request: Request, visitor: Viewer, after: str = "") -> Response:
    """The most urgent first."""
    site = site_of(request)
    with read(site.engine) as connection:
        rows, following = case_page(connection, asked_of(request), site.now(), after)
        saved = saved_views.of_user(connection, visitor.name, "cases")
    return page(
        request, "cases", visitor, rows=rows, next=following, after=after, saved=saved, actions=ACTIONS,
        asked=form_of(request), query=query_of(request), went=_went(request),
    )  # fmt: skip


@router.get("/cases.csv")
def exported(request: Request, visitor: Viewer) -> Response:
    """What the list shows, all pages of it."""
    site = site_of(request)
    with read(site.engine) as connection:
        return csv_of("cases", all_cases(connection, asked_of(request), site.now()), visitor)


@router.post("/cases/bulk")
def bulk(request: Request, change: ByOperator) -> Response:
    """Show what a decision about several cases would do, and do it when somebody is sure."""
    site, action, note = site_of(request), change.text("action"), change.text("note")
    chosen = list(dict.fromkeys(change.every("case")))
    if action not in ACTIONS or not note or not chosen:
        raise BadRecord("choose the cases and an action, and say why in the note")
    if len(chosen) > AT_ONCE:
        raise BadRecord(f"at most {AT_ONCE} cases are decided at once")
    wrong = None
    if change.text("sure"):
        if action not in COMMANDED or _is_really(site, change):
            done, refused = _each(site, change, chosen, keep=True)
            return RedirectResponse(f"/cases?done={len(done)}&refused={len(refused)}", 303)
        wrong = "bulk.wrong_password"
    would, refused = _each(site, change, chosen, keep=False)
    return page(
        request, "bulk", change.visitor, 401 if wrong else 200, would=would, refused=refused, action=action, note=note,
        about=_about(site, refused), totals=_totals(would), commanded=action in COMMANDED, wrong=wrong,
    )  # fmt: skip


def _about(site: Site, refused: list[dict[str, str]]) -> dict[str, Shown]:
    """The cases that the decision was refused for, by their ids."""
    with read(site.engine) as connection:
        return cases_of(connection, [one["id"] for one in refused], site.now())


def _went(request: Request) -> tuple[int, int] | None:
    """How many cases the bulk decision just taken has decided, and how many it was refused for."""
    given = [request.query_params.get(name, "") for name in ("done", "refused")]
    return (int(given[0]), int(given[1])) if all(one.isdigit() and len(one) < 4 for one in given) else None


def _is_really(site: Site, change: Change) -> bool:
    """Whether it is the user who sits there: the password again, before many accounts are touched at once."""
    name = change.visitor.name
    if site.attempts.wait_s("bulk", name):
        return False
    with read(site.engine) as connection:
        hashed = users.stored_hash(connection, name)
    with site.attempts.checking:
        right = users.is_password(hashed, change.text("password"))
    if not right:
        site.attempts.failed("bulk", name)
    return right


def _each(site: Site, change: Change, chosen: list[str], *, keep: bool) -> Tried:
    """Each case in a transaction of its own, as on the command line.

    What is only tried is tried in one, so that each case meets what those before it would have done.
    """
    if keep:
        return _tried(site, change, chosen, lambda: write(site.engine))
    with write(site.engine, keep=False) as connection:
        return _tried(site, change, chosen, lambda: _within(connection))


@contextmanager
def _within(connection: sa.Connection) -> Iterator[sa.Connection]:
    with connection.begin_nested():
        yield connection


def _tried(
    site: Site, change: Change, chosen: list[str], begin: Callable[[], AbstractContextManager[sa.Connection]]
) -> Tried:
    done: list[Done] = []
    refused = []
    for one in chosen:
        id_, _, seen = one.partition(":")
        try:
            wanted = Wanted(
                change.text("action"),  # type: ignore[arg-type]  # checked against ACTIONS before
                change.visitor.name, change.text("note"), seen=int(seen) if seen.isdigit() else -1,
            )  # fmt: skip
            with begin() as connection:
                done.append(decide(connection, site.settings, id_, wanted, site.now()) | {"seen": one})
        except BadRecord as error:
            refused.append({"id": id_, "why": str(error)})
    return done, refused


def _totals(would: list[Done]) -> dict[str, str]:
    """The money that goes back, or else what is at stake, by currency; never added across them."""
    amounts: dict[str, Decimal] = {}
    for one in would:
        for money in one["refunds"] or [one["case"]]:
            code, amount = money["currency"], money["amount"]
            if code and amount is not None:
                amounts[code] = amounts.get(code, Decimal(0)) + Decimal(amount)
    return {code: f"{amount:f}" for code, amount in sorted(amounts.items())}
