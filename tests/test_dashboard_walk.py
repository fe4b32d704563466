"""Every page on both databases: each answers, says what it is about, and reads no table from end to end."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import schemathesis
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error

from reconciler.access import SCOPES
from reconciler.store.api_tokens import make_token
from reconciler.store.engine import open_store, write
from tests.dashboard_world import NOW, PASSWORD, Person, Stage, staged
from tests.databases import database
from tests.test_query_plans import HISTORY, scanned_on_postgresql, scanned_on_sqlite

LINKS = {
    "shop_account_link": "https://shop.example/accounts/{account_id}",
    "shop_order_link": "https://shop.example/orders/{order_id}",
    "charge_links": {"digiseller": "https://seller.example/sales/{ref}"},
}
PAGES = {
    "/": "Today", "/findings": "Findings", "/findings?status=open&kind=undelivered_order&severity=critical": "Findings",
    "/findings?q=1001": "Findings", "/findings?q=buyer@example.com": "Findings",
    "/findings/{finding}": "Amount mismatch",
    "/findings?account=acc&since=2020-01-01&least=1.00&most=99.00&currency=WMZ": "Findings", "/cases": "Cases",
    "/cases?status=open&provider=digiseller&owner=ann": "Cases", "/cases?q=A1": "Cases", "/cases?q=acc": "Cases",
    "/cases?kind=chargeback&account=acc&least=1.00&currency=WMZ": "Cases", "/cases/{case}": "Chargeback",
    "/cases/{planted}": "2001", "/chargebacks": "Chargebacks", "/reviews/new": "Review request", "/outbox": "Outbox",
    "/outbox?state=held": "Outbox", "/events": "Webhooks", "/events/{event}": "", "/jobs": "Jobs",
    "/reports": "Reports", "/audit": "Audit", "/audit/verify": "Audit", "/settings": "Settings", "/api/v1/docs": "API",
    "/findings.csv": "", "/cases.csv": "",
}  # fmt: skip
ADDRESSES = ("buyer@example.com", "b3@example.com")
WHOLE = {"/audit/verify", "/findings.csv", "/cases.csv", "/reports"}
"""Pages that have to read much: the chain's verification, exports."""
LONG = HISTORY - {"runs", "webhooks", "disputes"}
"""Of the others the newest are read, by their own order."""
LISTED = ("SELECT cases.urgency, cases.opened_at, cases.id", "SELECT findings.first_seen_at, findings.id")
ALLOWED = ("GROUP BY", "count(*)", *LISTED)
"""Figures of what is open are counted in an index, and lists are read in the order of one that holds every filter."""
CASES, LONG_CASES = 6, 300
QUIET = list(HealthCheck)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The application with everything in it, on each database."""
    folder = tmp_path_factory.mktemp("walk")
    with ExitStack() as stack:
        url = f"sqlite:///{folder}/s.db"
        if request.param == "postgresql":
            url = stack.enter_context(database(request.getfixturevalue("postgres_server")))
        engine = open_store(url)
        stack.callback(engine.dispose)
        yield staged(engine, folder, web=LINKS)


@pytest.fixture(scope="module")
def admin(stage: Stage) -> Person:
    """Somebody who may see everything."""
    return Person(stage, "ada")


def addresses(stage: Stage) -> dict[str, str]:
    """Every page with ids that are there, and what its heading says."""
    day = NOW.astimezone(ZoneInfo(stage.settings.timezone)).date()
    return {path.format(**stage.ids): text for path, text in PAGES.items()} | {f"/reports/{day}.html": str(day.year)}


def test_every_page_answers_and_says_what_it_is_about(stage: Stage, admin: Person) -> None:
    for path, text in addresses(stage).items():
        answer = admin.get(path)
        assert answer.status_code == 200, (path, answer.text[:300])
        heading = re.search(r"<h1>(.*?)</h1>", answer.text, re.DOTALL)
        assert text in (heading[1] if heading else answer.text), path


def test_viewers_see_no_address_on_any_page_and_in_no_export(stage: Stage, admin: Person) -> None:
    viewer, told = Person(stage, "vic"), set()
    for path in addresses(stage).keys() - {"/settings", "/reviews/new", "/findings?q=buyer@example.com"}:
        told |= {path for address in ADDRESSES if address in admin.get(path).text}
        seen = viewer.get(path)
        assert seen.status_code == 200, path
        assert not [address for address in ADDRESSES if address in seen.text], path
    assert {f"/findings/{stage.ids['finding']}", f"/cases/{stage.ids['case']}"} <= told  # there was something to hide


def test_every_list_goes_on_where_its_page_ended(stage: Stage, admin: Person) -> None:
    token = _token(stage)
    for path in ("findings", "cases", "chargebacks", "outbox", "webhooks", "audit"):
        seen, after = [], ""
        while True:
            answer = admin.get(f"/api/v1/{path}?limit=2&after={after}", authorization=f"Bearer {token}").json()
            seen += [str(one.get("id") or one.get("key") or one.get("number")) for one in answer["items"]]
            after = answer["next"]
            if not after:
                break
        whole = admin.get(f"/api/v1/{path}?limit=500", authorization=f"Bearer {token}").json()["items"]
        assert seen == [str(one.get("id") or one.get("key") or one.get("number")) for one in whole], path
        assert len(set(seen)) == len(seen)


def test_a_search_finds_by_invoice_order_account_and_address_what_a_filter_finds(stage: Stage, admin: Person) -> None:
    case = stage.ids["case"]
    for text in ("1001", "A1", "acc", case):
        assert f"/cases/{case}" in admin.get(f"/cases?q={text}").text, text
        assert f"/cases/{case}" in admin.get(f"/cases?q={text}&kind=chargeback&status=open").text, text
        assert f"/cases/{case}" not in admin.get(f"/cases?q={text}&status=resolved").text, text
    assert "5003" in admin.get("/findings?q=b3@example.com").text
    assert "5004" not in admin.get("/findings?q=b3@example.com").text
    assert "Nothing fits" in admin.get("/cases?q=nobody@example.com").text


def test_pages_lead_to_the_shops_and_the_providers_own(stage: Stage, admin: Person) -> None:
    for path in (f"/cases/{stage.ids['case']}", f"/findings/{stage.ids['finding']}"):
        ref, order = ("1001", "A1") if path.startswith("/cases") else ("3001", "C1")
        text = admin.get(path).text
        assert f'href="https://seller.example/sales/{ref}"' in text
        assert f'href="https://shop.example/orders/{order}"' in text
    assert 'href="https://shop.example/accounts/acc"' in admin.get(f"/cases/{stage.ids['case']}").text


def test_the_link_of_an_alert_opens_its_finding_after_the_login(stage: Stage) -> None:
    stranger, path = Person(stage), f"/findings/{stage.ids['finding']}"
    door = stranger.get(path).headers["location"]
    assert stranger.get(door).status_code == 200
    went = stranger.post("/login", {"name": "ann", "password": PASSWORD, "next": path})
    assert went.headers["location"] == path
    assert "Amount mismatch" in stranger.get(path).text
    assert "/cases/" in stranger.get(path).text


def test_no_page_reads_a_table_from_end_to_end(stage: Stage, admin: Person) -> None:
    explain = scanned_on_sqlite if stage.engine.dialect.name == "sqlite" else scanned_on_postgresql
    found: list[str] = []
    path = ""

    def watch(connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if many or not statement.startswith("SELECT") or any(word in statement for word in ALLOWED):
            return
        own = connection.connection.cursor()
        found.extend(f"{path}: {statement}" for table in explain(own, statement, parameters) if table in LONG)
        own.close()

    if stage.engine.dialect.name == "postgresql":
        _dear(stage.engine)
    sa.event.listen(stage.engine, "before_cursor_execute", watch)
    for path in addresses(stage).keys() - WHOLE:
        if "/reports/" not in path:
            admin.get(path)
    sa.event.remove(stage.engine, "before_cursor_execute", watch)
    assert found == []


def _dear(engine: sa.Engine) -> None:
    """So few rows PostgreSQL rightly reads as a whole; with this, only what no index leads to."""

    @sa.event.listens_for(engine, "begin")
    def _(connection: sa.Connection) -> None:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")


def by_the_document(stage: Stage, cases: int) -> None:
    """Requests that schemathesis makes of the API's document, with a token for everything: no error of ours."""
    headers = {"Authorization": f"Bearer {_token(stage)}"}
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", stage.app, headers=headers)
    tried = 0
    for operation in schema.get_all_operations():
        one = operation.ok()
        if one.path.startswith("/api/v1/"):
            _try(one, cases, headers)
            tried += 1
    assert tried == 12


def _try(operation: Any, cases: int, headers: dict[str, str]) -> None:
    def no_error_of_ours(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=[not_a_server_error])

    tried = settings(max_examples=cases, suppress_health_check=QUIET, phases=[Phase.generate], database=None)
    check: Callable[..., None] = tried(given(case=operation.as_strategy())(no_error_of_ours))
    check()


def test_requests_made_of_the_apis_document_make_no_error_of_ours(stage: Stage) -> None:
    by_the_document(stage, CASES)


@pytest.mark.long
def test_many_requests_made_of_the_apis_document_make_no_error_of_ours(stage: Stage) -> None:
    by_the_document(stage, LONG_CASES)


def _token(stage: Stage) -> str:
    with write(stage.engine) as connection:
        return make_token(connection, "ann", SCOPES, 30, NOW)[1]
