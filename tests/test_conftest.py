"""The tests' own tools do what the other tests rely on."""

import socket

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool


@pytest.mark.parametrize("number", [1, 2])
def test_each_test_gets_an_empty_database(postgres_url, number):
    engine = create_engine(postgres_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE only_mine (number integer)"))
        assert connection.execute(text("SELECT count(*) FROM only_mine")).scalar() == 0


def test_loopback_can_be_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="the guard refuses it")
def test_the_outside_world_cannot_be_reached():
    socket.create_connection(("192.0.2.1", 80), timeout=0.1)


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="the guard refuses it")
def test_names_of_the_outside_world_are_not_looked_up():
    socket.getaddrinfo("example.com", 443)
