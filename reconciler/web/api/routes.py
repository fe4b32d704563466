"""The routes of `/api/v1`: lists page by page, single things by their id; all of them only read."""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from reconciler.errors import BadRecord
from reconciler.outbox import STATES
from reconciler.store import audit as chain
from reconciler.store import inbox, runs
from reconciler.store import status as state
from reconciler.store.api_tokens import Bearer
from reconciler.store.case_views import case_document, chargeback_page
from reconciler.store.engine import read
from reconciler.store.filters import Wanted, wanted
from reconciler.store.inbox_views import event_page
from reconciler.store.job_views import jobs as job_list
from reconciler.store.listing import case_page, finding_page
from reconciler.store.outbox_views import entry_page
from reconciler.store.paging import MOST, SIZE
from reconciler.store.stories import gather
from reconciler.web.api.bearer import needs_scope, seen_by
from reconciler.web.dashboard.site import site_of

_ANSWERS: dict[int | str, dict[str, Any]] = {
    401: {"description": "no token, or one that does not count"},
    403: {"description": "a token without the scope"},
    422: {"description": "a parameter with a wrong form"},
}
router = APIRouter(prefix="/api/v1", tags=["api"], responses=_ANSWERS)

Found = dict[str, Any]
After = Annotated[str, Query(max_length=500, description="`next` of the page before; empty: the first page.")]
Limit = Annotated[int, Query(ge=1, le=MOST, description="How many at most.")]
Text = Annotated[str, Query(max_length=200)]


def _filter(
    request: Request,
    q: Annotated[str, Query(max_length=200, description="Invoice, unique code, e-mail, order or account.")] = "",
    kind: Text = "", status: Text = "", severity: Text = "", provider: Text = "", account: Text = "", owner: Text = "",
    currency: Text = "", least: Text = "", most: Text = "", since: Text = "", until: Text = "",
) -> Wanted:  # fmt: skip
    """What narrows a list; amounts are decimal texts, days as in 2026-11-22."""
    return wanted(request.query_params, site_of(request).zone)


Filter = Annotated[Wanted, Depends(_filter)]


def _by(scope: str) -> Any:
    return Depends(needs_scope(scope))


ByFindings = Annotated[Bearer, _by("findings")]
ByCases = Annotated[Bearer, _by("cases")]
ByStatus = Annotated[Bearer, _by("status")]
ByAudit = Annotated[Bearer, _by("audit")]


@router.get("/findings")
def findings(request: Request, bearer: ByFindings, asked: Filter, after: After = "", limit: Limit = SIZE) -> Found:
    """Findings, the newest first."""
    with read(site_of(request).engine) as connection:
        return _listed(bearer, finding_page(connection, asked, after, limit))


@router.get("/findings/{id_}", responses={404: {"description": "no such finding"}})
def finding(request: Request, bearer: ByFindings, id_: str) -> Found:
    """One finding with its evidence, records and history, as `explain --json` prints it."""
    with read(site_of(request).engine) as connection:
        return _one(bearer, gather(connection, id_))


@router.get("/cases")
def cases(request: Request, bearer: ByCases, asked: Filter, after: After = "", limit: Limit = SIZE) -> Found:
    """Cases, the most urgent first."""
    site = site_of(request)
    with read(site.engine) as connection:
        return _listed(bearer, case_page(connection, asked, site.now(), after, limit))


@router.get("/cases/{id_}", responses={404: {"description": "no such case"}})
def case(request: Request, bearer: ByCases, id_: str) -> Found:
    """One case with its findings, chargebacks, commands and timeline, as `cases show --json` prints it."""
    site = site_of(request)
    with read(site.engine) as connection:
        return _one(bearer, case_document(connection, id_, site.now()))


@router.get("/chargebacks")
def chargebacks(
    request: Request, bearer: Annotated[Bearer, _by("chargebacks")], after: After = "", limit: Limit = SIZE
) -> Found:
    """Chargebacks on record, the newest first."""
    site = site_of(request)
    with read(site.engine) as connection:
        return _listed(bearer, chargeback_page(connection, site.now(), after, limit))


@router.get("/outbox")
def outbox(
    request: Request,
    bearer: Annotated[Bearer, _by("outbox")],
    state: Annotated[str, Query(description=f"Only {', '.join(STATES)}.")] = "",
    after: After = "",
    limit: Limit = SIZE,
) -> Found:
    """What leaves the program, each entry with its attempts, the newest first."""
    _check_state(state, STATES)
    with read(site_of(request).engine) as connection:
        return _listed(bearer, entry_page(connection, state, after, limit))


@router.get("/webhooks")
def webhooks(
    request: Request,
    bearer: Annotated[Bearer, _by("webhooks")],
    state: Annotated[str, Query(description=f"Only {', '.join(inbox.STATES)}.")] = "",
    after: After = "",
    limit: Limit = SIZE,
) -> Found:
    """What the providers pushed and what became of it, the newest first."""
    _check_state(state, inbox.STATES)
    with read(site_of(request).engine) as connection:
        return _listed(bearer, event_page(connection, after, limit, state))


@router.get("/status")
def status(request: Request, bearer: ByStatus) -> Found:
    """The state of everything, as `status --json` prints it."""
    site = site_of(request)
    with read(site.engine) as connection:
        return _one(bearer, state.gather(connection, site.settings, site.now()))


@router.get("/jobs")
def jobs(request: Request, bearer: ByStatus) -> Found:
    """The scheduled jobs: last and next time, duration, whether one is late."""
    site = site_of(request)
    with read(site.engine) as connection:
        return _one(bearer, {"items": job_list(connection, site.settings, site.now()), "next": None})


@router.get("/statement")
def statement(request: Request, bearer: ByStatus) -> Found:
    """The statement of the last run; null before the first one."""
    with read(site_of(request).engine) as connection:
        run = runs.last_run(connection)
    return {"statement": None if run is None else seen_by(bearer, run["statement"])}


@router.get("/audit")
def audit(request: Request, bearer: ByAudit, after: After = "", limit: Limit = SIZE) -> Found:
    """The records of the audit chain, the newest first."""
    with read(site_of(request).engine) as connection:
        return _listed(bearer, chain.record_page(connection, after, limit))


@router.get("/audit/head")
def head(request: Request, bearer: ByAudit) -> Found:
    """How long the chain is, and its head: keep it elsewhere, and a tail that was cut off shows."""
    with read(site_of(request).engine) as connection:
        last = chain.head(connection)
    return {"records": last.number if last else 0, "head": last.hash if last else None}


def _listed(bearer: Bearer, found: tuple[list[Found], str | None]) -> Found:
    return {"items": seen_by(bearer, found[0]), "next": found[1]}


def _one(bearer: Bearer, document: Found) -> Found:
    seen: Found = seen_by(bearer, document)
    return seen


def _check_state(state: str, states: Iterable[str]) -> None:
    if state and state not in states:
        raise BadRecord(f"state is one of {', '.join(states)}")
