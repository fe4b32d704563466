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


def test_the_outside_world_cannot_be_reached(no_outside_world):
    with pytest.raises(AssertionError, match="only loopback"):
        socket.create_connection(("192.0.2.1", 80), timeout=0.1)
    assert no_outside_world == ["getaddrinfo '192.0.2.1'"]
    no_outside_world.clear()


def test_names_of_the_outside_world_are_not_looked_up(no_outside_world):
    with pytest.raises(AssertionError, match="only loopback"):
        socket.getaddrinfo("example.com", 443)
    assert no_outside_world == ["getaddrinfo 'example.com'"]
    no_outside_world.clear()
