"""Users, roles and tokens: made from the command line, kept as hashes, gone at once when they are disabled."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from reconciler.access import check_password, masked, may
from reconciler.errors import BadRecord
from reconciler.schema_told import audit_records
from reconciler.schema_users import api_tokens, users, web_sessions
from reconciler.store import api_tokens as tokens
from reconciler.store import web_sessions as sessions
from reconciler.store.engine import write
from reconciler.store.users import add_user, disable_user, is_password, list_users, set_password, stored_hash
from tests.builders import NOW
from tests.cli_world import MINIMAL, Program, _logs_as_before, program
from tests.stores import engine, stored, url

__all__ = ["_logs_as_before", "engine", "program", "url"]

GOOD, OTHER = "correct horse battery staple", "quite another long phrase 77"


@pytest.fixture
def ann(engine: sa.Engine) -> sa.Engine:
    """A store with the operator Ann."""
    with write(engine) as connection:
        add_user(connection, "ann", "operator", GOOD, NOW)
    return engine


def test_a_user_is_made_listed_and_disabled_from_the_command_line(program: Program) -> None:
    program.configure(MINIMAL)
    secret = Path(program.folder) / "secret"
    secret.write_text(GOOD + "\n")
    assert program("user", "add", "ann", "--role", "operator", "--password-file", str(secret)).code == 0
    again = program("user", "add", "ann", "--password-file", str(secret))
    assert again.code == 64
    assert "already" in again.err
    made = program("user", "token", "ann", "--scope", "findings", "--json").json()
    listed = program("user", "list", "--json")
    assert [(row["name"], row["role"], row["disabled_at"]) for row in listed.json()] == [("ann", "operator", None)]
    assert made["token"] not in listed.out
    assert program("user", "revoke", made["id"]).code == 0
    assert program("user", "disable", "ann").code == 0
    assert program("user", "list", "--json").json()[0]["disabled_at"]


def test_a_password_is_never_asked_for_without_a_terminal(program: Program) -> None:
    program.configure(MINIMAL)
    ended = program.process("user", "add", "ann")
    assert ended.code == 64
    assert "--password-file" in ended.err


@pytest.mark.parametrize(
    "bad", ["short", "password1234", "aaaaaaaaaaaaaaaa", "ann-ann-ann-ann", "x" * 200, "qwertyuiop12"]
)
def test_a_password_that_can_be_guessed_is_refused(bad: str) -> None:
    with pytest.raises(BadRecord):
        check_password(bad, "ann")
    check_password(GOOD, "ann")


def test_only_hashes_of_passwords_sessions_and_tokens_are_stored(ann: sa.Engine) -> None:
    with write(ann) as connection:
        session = sessions.begin(connection, "ann", NOW, address="127.0.0.1")
        _, token = tokens.make_token(connection, "ann", ["findings"], 30, NOW)
    everything = json.dumps(
        [[str(row) for row in stored(ann, one)] for one in (users, web_sessions, api_tokens, audit_records)]
    )
    for secret in (GOOD, session, token):
        assert secret not in everything
    assert "$argon2id$" in everything


def test_a_session_ends_when_idle_after_its_longest_time_and_when_its_user_is_disabled(ann: sa.Engine) -> None:
    with write(ann) as connection:
        one = sessions.begin(connection, "ann", NOW, address="-")
        assert sessions.find(connection, one, NOW + timedelta(hours=1)) is not None
        assert sessions.find(connection, one, NOW + sessions.IDLE) is None
        for hours in range(1, 12):
            sessions.touch(connection, one, NOW + timedelta(hours=hours))
        assert sessions.find(connection, one, NOW + timedelta(hours=11.9)) is not None
        assert sessions.find(connection, one, NOW + sessions.LONGEST) is None
        two = sessions.begin(connection, "ann", NOW, address="-")
        _, token = tokens.make_token(connection, "ann", ["findings"], 30, NOW)
        disable_user(connection, "ann", NOW)
        assert sessions.find(connection, two, NOW) is None
        assert tokens.find(connection, token, NOW) is None


def test_another_password_ends_the_sessions_of_the_one_before(ann: sa.Engine) -> None:
    with write(ann) as connection:
        one = sessions.begin(connection, "ann", NOW, address="-")
        set_password(connection, "ann", OTHER, NOW)
        assert sessions.find(connection, one, NOW) is None
        assert is_password(stored_hash(connection, "ann"), OTHER)
        assert not is_password(stored_hash(connection, "ann"), GOOD)
        assert not is_password(stored_hash(connection, "nobody"), GOOD)


def test_a_token_ends_with_its_days_and_never_sees_more_than_its_user(ann: sa.Engine) -> None:
    with write(ann) as connection:
        add_user(connection, "vic", "viewer", OTHER, NOW)
        _, token = tokens.make_token(connection, "ann", ["personal", "cases"], 30, NOW)
        assert tokens.find(connection, token, NOW + timedelta(days=29)) is not None
        assert tokens.find(connection, token, NOW + timedelta(days=30)) is None
        with pytest.raises(BadRecord, match="viewer"):
            tokens.make_token(connection, "vic", ["personal"], 30, NOW)
        with pytest.raises(BadRecord, match="unknown"):
            tokens.make_token(connection, "ann", ["everything"], 30, NOW)


def test_every_change_of_users_is_in_the_audit(ann: sa.Engine) -> None:
    with write(ann) as connection:
        set_password(connection, "ann", OTHER, NOW)
        id_, _ = tokens.make_token(connection, "ann", ["findings"], 30, NOW)
        tokens.revoke(connection, id_, NOW)
        disable_user(connection, "ann", NOW)
        disable_user(connection, "ann", NOW)
        assert list_users(connection)[0]["tokens"][0]["revoked_at"]
    kinds = [row.kind for row in stored(ann, audit_records)]
    assert kinds == ["user.added", "user.password", "token.made", "token.revoked", "user.disabled"]


def test_each_role_may_do_what_those_below_it_may() -> None:
    assert [may(role, "operator") for role in ("viewer", "operator", "admin", "root", "")] == [
        False,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ann.lee+x@mail.example.com", "a***@m***.example.com"),
        ('{"email": "b@x.ru"} and c@y.org', '{"email": "b***@x***.ru"} and c***@y***.org'),
        ("no address", "no address"),
        ("@ alone", "@ alone"),
    ],
)
def test_addresses_are_masked_wherever_they_stand(text: str, expected: str) -> None:
    assert masked(text) == expected
