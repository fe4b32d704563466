"""Finds what the log of readings and the runs still name: raw records and kept texts that have to stay."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, MetaData, String, Table

from reconciler.schema_replay import kept_texts, readings, run_inputs

_KNOWN = 10_000
_BATCH = 5_000
_SPAN = re.compile(r"([0-9]+)(?:-([0-9]+))?")
_ours = MetaData()
records = Table("named_records", _ours, Column("id", BigInteger, primary_key=True), prefixes=["TEMPORARY"])
texts = Table("named_texts", _ours, Column("digest", String, primary_key=True), prefixes=["TEMPORARY"])
"""What is named, for the time of one transaction: as much as the log holds, which is not for memory."""

_NAME = {
    records: sa.text("INSERT INTO named_records (id) VALUES (:it) ON CONFLICT DO NOTHING"),
    texts: sa.text("INSERT INTO named_texts (digest) VALUES (:it) ON CONFLICT DO NOTHING"),
}


def find_named(connection: sa.Connection, after: int, last_record: int, after_run: int = 0) -> None:
    """Fill both tables with what readings and runs after one of them name: raw records up to one, and texts."""
    _ours.create_all(connection, checkfirst=False)
    named = {records: _records(connection, after, last_record), texts: _texts(connection, after, after_run)}
    for table, found in named.items():
        for batch in _batches(found):
            connection.execute(_NAME[table], [{"it": value} for value in batch])


def forget_named(connection: sa.Connection) -> None:
    """Drop both tables."""
    _ours.drop_all(connection, checkfirst=False)


def _records(connection: sa.Connection, after: int, last: int) -> Iterator[int]:
    for text in _looks(connection, after):
        for found in _SPAN.finditer(text):
            first, end = int(found[1]), int(found[2] or found[1])
            yield from range(first, min(end, last) + 1)


def _looks(connection: sa.Connection, after: int) -> Iterator[str]:
    """The lists of raw records in readings; one that many readings share comes once in a while."""
    known: set[str] = set()
    kept = kept_texts.c
    for said in _said(connection, after):
        for _, text in json.loads(said).get("looks", []):
            if text[:1] != "#":
                yield text
            elif text not in known:
                known = known if len(known) < _KNOWN else set()
                known.add(text)
                yield connection.execute(sa.select(kept.text).where(kept.digest == text[1:])).scalar_one()


def _texts(connection: sa.Connection, after: int, after_run: int) -> Iterator[str]:
    for said in _said(connection, after):
        yield from (text[1:] for _, text in json.loads(said).get("looks", []) if text[:1] == "#")
    runs = sa.select(run_inputs.c.settings, run_inputs.c.books).where(run_inputs.c.run_id > after_run)
    for settings, books in connection.execute(runs.execution_options(yield_per=_BATCH)):
        yield settings
        yield from books.values()


def _said(connection: sa.Connection, after: int) -> Iterator[str]:
    query = sa.select(readings.c.said).where(readings.c.id > after).execution_options(yield_per=_BATCH)
    yield from connection.execute(query).scalars()


def _batches(found: Iterator[Any]) -> Iterator[set[Any]]:
    while batch := set(islice(found, _BATCH)):
        yield batch
