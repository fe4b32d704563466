"""Finds what the log of readings and the runs still name: raw records and kept texts that have to stay."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, MetaData, String, Table

from reconciler.schema_replay import kept_texts, readings, run_inputs
from reconciler.store.findings import parts
from reconciler.store.upsert import insert_new

_PAGE = 1_000
_BATCH = 100_000
_SPAN = re.compile(r"[0-9]+(?:-[0-9]+)?")
_ours = MetaData()
records = Table("named_records", _ours, Column("id", BigInteger, primary_key=True), prefixes=["TEMPORARY"])
texts = Table("named_texts", _ours, Column("digest", String, primary_key=True), prefixes=["TEMPORARY"])
"""What is named, for the time of one transaction: as much as the log holds, which is not for memory."""


def find_named(connection: sa.Connection, after: int, last_record: int, after_run: int = 0) -> None:
    """Fill both tables with what readings and runs after one of them name: raw records up to one, and texts."""
    _ours.create_all(connection, checkfirst=False)
    spans: set[str] = set()  # looks that follow each other mostly show the same, so that little is left of them
    for text in _looks(connection, after):
        spans.update(_SPAN.findall(text))
        if len(spans) >= _BATCH:
            _name(connection, records, _ids(spans, last_record))
            spans.clear()
    _name(connection, records, _ids(spans, last_record))
    row = run_inputs.c
    for page in _pages(connection, sa.select(row.run_id, row.settings, row.books), after_run):
        _name(connection, texts, (digest for _, settings, books in page for digest in (settings, *books.values())))


def forget_named(connection: sa.Connection) -> None:
    """Drop both tables."""
    _ours.drop_all(connection, checkfirst=False)


def _looks(connection: sa.Connection, after: int) -> Iterator[str]:
    """The lists of raw records in readings; one that many readings share comes once, and is noted as named."""
    kept = kept_texts.c
    for page in _pages(connection, sa.select(readings.c.id, readings.c.said), after):
        found = {text for _, said in page for _, text in json.loads(said).get("looks", [])}
        shared = [text[1:] for text in found if text[:1] == "#"]
        yield from (text for text in found if text[:1] != "#")
        for part in parts(shared):
            known = sa.exists().where(texts.c.digest == kept.digest)
            news = connection.execute(sa.select(kept.digest, kept.text).where(kept.digest.in_(part), ~known)).all()
            _name(connection, texts, (digest for digest, _ in news))
            yield from (text for _, text in news)


def _pages(connection: sa.Connection, query: sa.Select[Any], after: int) -> Iterator[Sequence[Any]]:
    """Rows in the order of their first column, page by page: no query stays open while tables are filled."""
    id_ = query.selected_columns[0]
    while page := connection.execute(query.where(id_ > after).order_by(id_).limit(_PAGE)).all():
        yield page
        after = page[-1][0]


def _ids(spans: Iterable[str], last: int) -> Iterator[int]:
    for span in spans:
        first, _, end = span.partition("-")
        yield from range(int(first), min(int(end or first), last) + 1)


def _name(connection: sa.Connection, table: Table, found: Iterable[Any]) -> None:
    rows = ((value,) for value in found)
    while batch := list(islice(rows, _BATCH)):
        batch.sort()  # what lies side by side is written together: most of the time goes there
        insert_new(connection, table, [column.name for column in table.columns], batch)
