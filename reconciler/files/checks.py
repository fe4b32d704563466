"""Says in one line what is wrong with an input: a missing column, a wrong type, a value that cannot be meant."""

from reconciler.errors import ConfigError
from reconciler.files.engine import DuckEngine
from reconciler.files.shapes import MAY_BE_EMPTY, Shape
from reconciler.money import MAX_MINOR

_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_ZONE = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)$"

_STRANGE = "{moment} NOT BETWEEN '1970-01-01 00:00:00+00'::TIMESTAMPTZ AND '9999-12-30 00:00:00+00'::TIMESTAMPTZ"
"""Infinite ones among them: they can be written, and stand for no moment."""


def check_columns(source: str, shape: Shape, columns: dict[str, str]) -> None:
    """Raise ConfigError for the first column that is missing or has a type that cannot be what it should be."""
    missing = [name for name in shape.required if name not in columns]
    if missing:
        raise ConfigError(f"{source}: column {missing[0]} is missing; {shape.name} need {', '.join(shape.required)}")
    for name in shape.columns:
        kind = columns.get(name, "VARCHAR")
        if name in shape.whole and not kind.startswith(_WHOLE) and kind != "VARCHAR":
            raise ConfigError(f"{source}: column {name} is {kind}; it has to be whole numbers of minor units")
        if name in shape.moments and kind != "VARCHAR" and not kind.startswith("TIMESTAMP WITH TIME ZONE"):
            raise ConfigError(f"{source}: column {name} is {kind}, a time without zone; write times with their zone")


def check_values(engine: DuckEngine, source: str, sql: str, shape: Shape, columns: dict[str, str]) -> None:
    """Raise ConfigError for a value that cannot be meant; of Parquet mostly the statistics are read."""
    for name in shape.required:
        empty_too = "" if name in MAY_BE_EMPTY else _emptiness(name, columns[name])
        for wrong, what in _faults(shape, name, columns[name]):
            rows = engine.all(
                f"SELECT {name}::VARCHAR, {shape.key[-1]}::VARCHAR FROM {sql} WHERE ({wrong}){empty_too} LIMIT 1"
            )
            for value, key in rows:
                said = "is empty" if value is None or not value.strip() else f"{value[:40]!r} is {what}"
                raise ConfigError(f"{source}: {name} {said} (in {shape.key[-1]} {key!r})")


def check_unique(engine: DuckEngine, source: str, shape: Shape, rows: str) -> None:
    """Raise ConfigError when a key comes more than once among `rows`, a select of the key's columns."""
    key = ", ".join(shape.key)
    twice = engine.all(f"SELECT {key} FROM ({rows}) GROUP BY {key} HAVING count(*) > 1 ORDER BY {key} LIMIT 1")
    for row in twice:
        raise ConfigError(f"{source}: {' '.join(map(str, row))} comes more than once; a row has to be unique")


def _emptiness(name: str, kind: str) -> str:
    blank = f" OR ({name} < '!' AND trim({name}) = '')" if kind == "VARCHAR" else ""
    return f" OR {name} IS NULL{blank}"


def _faults(shape: Shape, name: str, kind: str) -> list[tuple[str, str]]:
    if name in shape.whole and kind.startswith(_WHOLE):
        return [(f"{name} NOT BETWEEN {-MAX_MINOR} AND {MAX_MINOR}", "more than a payment can be")]
    if name in shape.whole:
        text = f"NOT regexp_full_match({name}::VARCHAR, '-?[0-9]{{1,18}}')"
        size = f"abs(try_cast({name} AS BIGINT)) > {MAX_MINOR}"
        return [(text, "no whole number of minor units"), (size, "more than a payment can be")]
    if name in shape.moments and kind != "VARCHAR":
        return [(_STRANGE.format(moment=name), "no time that can be meant")]
    if name in shape.moments:
        moment = f"try_cast({name} AS TIMESTAMPTZ)"
        return [
            (f"NOT regexp_matches(trim({name}), '{_ZONE}')", "no time with a zone"),
            (f"{moment} IS NULL AND {name} IS NOT NULL", "no time"),
            (_STRANGE.format(moment=moment), "no time that can be meant"),
        ]
    allowed = dict(shape.one_of).get(name)
    if allowed:
        listed = ", ".join(f"'{value}'" for value in allowed)
        return [(f"{name} NOT IN ({listed})", f"none of {', '.join(allowed)}")]
    return [("false", "")]
