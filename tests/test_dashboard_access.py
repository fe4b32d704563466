"""Who may do what: every route with every kind of visitor, made from the route table; a new route needs an entry."""

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.store.api_tokens import make_token
from reconciler.store.engine import open_store, write
from reconciler.web.dashboard.headers import CSP
from tests.dashboard_world import NOW, PASSWORD, Person, Stage, staged

FAR = {"x-forwarded-for": "203.0.113.9"}
"""What a proxy on this machine says of a visitor from elsewhere."""
ROLES = ("viewer", "operator", "admin")
NAMES = {"viewer": "vic", "operator": "ann", "admin": "ada"}
OPEN = {"GET /static/{digest}/{name}", "GET /login", "POST /login"}
"""What has to be reached before anybody is logged in; nothing of the store's is in it."""
NEEDED = {
    "GET /": "viewer", "GET /findings": "viewer", "GET /findings.csv": "viewer", "GET /findings/{id_}": "viewer",
    "GET /cases": "viewer", "GET /cases.csv": "viewer", "GET /cases/{id_}": "viewer", "POST /cases/bulk": "operator",
    "POST /cases/{id_}/decide": "operator", "POST /cases/{id_}/assign": "operator",
    "POST /cases/{id_}/snooze": "operator", "POST /cases/{id_}/note": "operator",
    "POST /cases/{id_}/reopen": "operator", "GET /reviews/new": "operator", "POST /reviews/new": "operator",
    "GET /chargebacks": "viewer", "GET /chargebacks/{id_}/evidence.zip": "operator", "GET /outbox": "viewer",
    "POST /outbox/retry": "operator", "GET /events": "viewer", "GET /events/{id_}": "viewer",
    "POST /events/{id_}/replay": "operator", "GET /jobs": "viewer", "GET /reports": "viewer",
    "GET /reports/{day}.{suffix}": "viewer", "GET /audit": "viewer", "GET /audit/verify": "viewer",
    "GET /settings": "admin", "POST /views/save": "viewer", "POST /views/forget": "viewer",
    "POST /preferences": "viewer", "POST /logout": "viewer", "GET /api/v1/docs": "viewer",
}  # fmt: skip
SCOPES = {
    "GET /api/v1/findings": "findings", "GET /api/v1/findings/{id_}": "findings", "GET /api/v1/cases": "cases",
    "GET /api/v1/cases/{id_}": "cases", "GET /api/v1/chargebacks": "chargebacks", "GET /api/v1/outbox": "outbox",
    "GET /api/v1/webhooks": "webhooks", "GET /api/v1/status": "status", "GET /api/v1/jobs": "status",
    "GET /api/v1/statement": "status", "GET /api/v1/audit": "audit", "GET /api/v1/audit/head": "audit",
}  # fmt: skip
OTHERS = {
    "GET /healthz": "anybody",
    "GET /readyz": "anybody",
    "GET /metrics": "inside",
    "GET /api/v1/openapi.json": "any",
}
"""`inside`: this machine, or the scope `status`; `any`: somebody logged in, or a token of any scope."""
WEBHOOKS = {"/webhooks/digiseller", "/webhooks/tribute"}
"""These stand before the application and are signed by the providers: tests of their own show that."""


def table(stage: Stage) -> Iterator[str]:
    """Every route of the application, wherever it comes from."""
    for included in stage.app._app.routes:
        for route in included.original_router.routes if hasattr(included, "original_router") else [included]:
            yield from (f"{method} {route.path}" for method in sorted(route.methods - {"HEAD"}))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The application with everything in it."""
    folder = tmp_path_factory.mktemp("dashboard")
    engine = open_store(f"sqlite:///{folder}/s.db")
    yield staged(engine, folder)
    engine.dispose()


@pytest.fixture(scope="module")
def people(stage: Stage) -> dict[str, Person]:
    """One of each role, logged in, and a stranger."""
    return {role: Person(stage, name) for role, name in NAMES.items()} | {"nobody": Person(stage)}


def address(stage: Stage, route: str) -> str:
    """A route's path with ids that are there."""
    path = route.partition(" ")[2]
    kinds = {"/findings": "finding", "/cases": "case", "/chargebacks": "chargeback", "/events": "event"}
    for start, kind in kinds.items():
        if start in path:
            path = path.replace("{id_}", stage.ids[kind])
    return path.replace("{day}.{suffix}", "2020-01-01.html").replace("{digest}/{name}", "x/app.css")


def test_every_route_is_in_one_of_the_tables(stage: Stage) -> None:
    assert sorted(table(stage)) == sorted([*OPEN, *NEEDED, *SCOPES, *OTHERS])
    assert set(stage.app._gates) == WEBHOOKS


def test_without_a_login_nothing_is_reached_but_health_the_door_and_what_stands_at_it(stage: Stage) -> None:
    stranger, reached = Person(stage), set()
    for route in table(stage):
        method, path = route.split(" ", maxsplit=1)[0], address(stage, route)
        answer = stranger.get(path, **FAR) if method == "GET" else stranger.post(path, {})
        if answer.status_code not in {303, 401, 403, 411}:
            reached.add(route)
    assert reached == {*OPEN, "GET /healthz", "GET /readyz"} - {"POST /login"}  # nobody came in by that


def test_the_description_of_the_api_is_for_those_who_may_come_in(stage: Stage, people: dict[str, Person]) -> None:
    path = "/api/v1/openapi.json"
    assert people["nobody"].get(path).headers["location"].startswith("/login")
    assert people["nobody"].get(path, authorization="Bearer rcn_foreign").status_code == 401
    for answer in (
        people["viewer"].get(path),
        *(people["nobody"].get(path, authorization=f"Bearer {token}") for token in stage.tokens.values()),
    ):
        assert answer.json()["paths"].keys() >= {"/api/v1/findings", "/api/v1/cases/{id_}", "/webhooks/tribute"}


def test_figures_are_for_this_machine_and_for_programs_that_may_read_the_state(stage: Stage) -> None:
    stranger = Person(stage)
    assert "reconciler_findings_open" in stranger.get("/metrics").text
    for named in ("203.0.113.9", "203.0.113.9:4711", "::ffff:203.0.113.9", "somebody", ""):
        assert stranger.get("/metrics", **{"x-forwarded-for": named}).status_code == 401, named
    token = make_token_of(stage, "status")
    assert stranger.get("/metrics", **FAR, authorization=f"Bearer {token}").status_code == 200
    for token in stage.tokens.values():
        assert stranger.get("/metrics", **FAR, authorization=f"Bearer {token}").status_code == 403


def make_token_of(stage: Stage, scope: str) -> str:
    """A new token with one scope."""
    with write(stage.engine) as connection:
        return make_token(connection, "ann", (scope,), 30, NOW)[1]


@pytest.mark.parametrize("route", sorted(NEEDED))
def test_a_route_is_there_for_its_role_and_those_above_and_for_nobody_else(
    stage: Stage, people: dict[str, Person], route: str
) -> None:
    method, path = route.split(" ", maxsplit=1)[0], address(stage, route)
    for role in ("nobody", *ROLES):
        if method == "POST" and path == "/logout" and role != "nobody":
            continue  # ends the session: shown below
        person = people[role]
        answer = person.get(path) if method == "GET" else person.send(path, note="", name="x", page="cases")
        allowed = role in ROLES and ROLES.index(role) >= ROLES.index(NEEDED[route])
        if allowed:
            assert answer.status_code in {200, 303, 404, 409, 422}, (role, answer.text[:500])
            assert not answer.headers.get("location", "").startswith("/login")
        elif role == "nobody":
            assert answer.status_code == (303 if method == "GET" else 401)
        else:
            assert answer.status_code == 403


@pytest.mark.parametrize("route", sorted(one for one in NEEDED if one.startswith("POST ")))
def test_a_change_needs_the_token_of_its_own_session_and_comes_from_our_own_page(
    stage: Stage, people: dict[str, Person], route: str
) -> None:
    path, person = address(stage, route), people["admin"]
    for fields in ({}, {"csrf": ""}, {"csrf": people["operator"].csrf}):
        assert person.post(path, fields).status_code == 403
    for origin in ("https://evil.example", "null", "", "http://here.evil.example"):
        assert person.post(path, {"csrf": person.csrf}, origin=origin).status_code == 403
    assert person.get(path).status_code in {404, 405, 200}


@pytest.mark.parametrize("route", sorted(SCOPES))
def test_the_api_answers_to_its_scope_alone(stage: Stage, people: dict[str, Person], route: str) -> None:
    path, wanted = address(stage, route), SCOPES[route]
    for name, token in stage.tokens.items():
        answer = people["nobody"].get(path, authorization=f"Bearer {token}")
        assert answer.status_code == (200 if name == wanted else 403), answer.text
    for wrong in ({}, {"authorization": "Bearer rcn_foreign"}, {"authorization": "Basic YTpi"}):
        assert people["nobody"].get(path, **wrong).status_code == 401
    assert people["admin"].get(path).status_code == 401  # a session is no token


@pytest.mark.parametrize("route", sorted([*OPEN, *NEEDED, *SCOPES]))
def test_every_answer_forbids_foreign_and_inline_code_and_being_framed(
    stage: Stage, people: dict[str, Person], route: str
) -> None:
    method, path = route.split(" ", maxsplit=1)[0], address(stage, route)
    answer = people["nobody"].get(path) if method == "GET" else people["nobody"].post(path, {})
    assert answer.headers["content-security-policy"] == CSP
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in CSP
    assert "unsafe" not in CSP
    if "/static/" not in path:
        assert answer.headers["cache-control"] == "no-store"


def test_a_token_opens_no_page_and_a_session_ends_with_its_logout(stage: Stage) -> None:
    stranger = Person(stage)
    for token in stage.tokens.values():
        assert stranger.get("/cases", authorization=f"Bearer {token}").status_code == 303
    person = Person(stage, "bob")
    kept = person.client.cookies.get("session")
    assert person.send("/logout").status_code == 303
    stranger.client.cookies.set("session", kept or "")
    assert stranger.get("/cases").status_code == 303


def test_a_wrong_password_is_refused_and_too_many_are_not_even_checked(stage: Stage) -> None:
    stranger = Person(stage)
    for _ in range(10):
        assert stranger.post("/login", {"name": "bob", "password": "wrong"}).status_code == 401
    locked = stranger.post("/login", {"name": "bob", "password": PASSWORD})
    assert locked.status_code == 429
    assert int(locked.headers["retry-after"]) > 0
    assert Person(stage, "ada").get("/").status_code == 200  # others still come in from the same address


def test_failed_log_ins_keep_out_the_address_that_our_proxy_names_and_nobody_else(stage: Stage) -> None:
    stranger = Person(stage)

    def failed(number: int) -> int:
        fields, headers = {"name": f"nobody{number}", "password": "wrong"}, {"origin": "http://here", **FAR}
        return stranger.client.post("/login", data=fields, headers=headers).status_code

    assert [failed(number) for number in range(21)] == [401] * 20 + [429]
    assert Person(stage, "ada").get("/").status_code == 200


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "/login", "javascript:1"]
)
def test_a_login_leads_nowhere_but_to_our_own_pages(stage: Stage, wanted: str) -> None:
    answer = Person(stage).post("/login", {"name": "ada", "password": PASSWORD, "next": wanted})
    assert answer.headers["location"] == "/"


def test_the_session_cookie_is_for_this_host_alone_and_out_of_reach_of_scripts(tmp_path: Any) -> None:
    engine = open_store(f"sqlite:///{tmp_path}/s.db")
    secure = staged(engine, tmp_path, web={"public_url": "https://shop.example"})
    answer = Person(secure).post(
        "/login", {"name": "ada", "password": PASSWORD, "next": "/"}, origin="https://shop.example"
    )
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-session=")
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "max-age" in answer.headers["strict-transport-security"]
    engine.dispose()


def test_without_users_the_dashboard_is_closed_and_says_how_to_open_it(tmp_path: Any) -> None:
    from reconciler.schema_users import api_tokens, users, web_sessions

    engine = open_store(f"sqlite:///{tmp_path}/s.db")
    closed = staged(engine, tmp_path)
    with engine.begin() as connection:
        for table_ in (api_tokens, web_sessions, users):
            connection.execute(table_.delete())
    for path in ("/", "/login", "/cases", "/settings"):
        answer = Person(closed).get(path)
        assert answer.status_code == 503
        assert "reconciler user add" in answer.text
    assert Person(closed).get("/healthz").status_code == 200
    engine.dispose()
