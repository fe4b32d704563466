"""Opens the two input files, checks their columns and values, and says in one line what is wrong with them."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from reconciler.errors import ConfigError
from reconciler.files.engine import DuckEngine
from reconciler.money import MAX_MINOR

_PARQUET = b"PAR1"
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_ZONE = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)$"


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of a file: text unless they are listed as `whole` numbers, `moments` or `flags`."""

    name: str
    key: tuple[str, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    whole: tuple[str, ...] = ("amount_minor",)
    moments: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    decimals: tuple[str, ...] = ()
    one_of: tuple[tuple[str, tuple[str, ...]], ...] = ()


CHARGES = Shape(
    "charges",
    ("provider", "ref"),
    ("provider", "ref", "kind", "status", "amount_minor", "currency", "occurred_at"),
    ("parent_ref", "order_ref", "account_id", "buyer_email", "telegram_user_id", "product_id", "claimed"),
    moments=("occurred_at",),
    flags=("claimed",),
    one_of=(("kind", ("charge", "refund", "chargeback")),),
)
ORDERS = Shape(
    "orders",
    ("order_id",),
    ("order_id", "amount_minor", "currency", "status", "created_at", "delivered_at", "updated_at"),
    (
        "provider",
        "provider_ref",
        "unique_code",
        "account_id",
        "buyer_email",
        "telegram_user_id",
        "product_id",
        "credits_ordered",
        "credits",
        "credits_used",
    ),
    moments=("created_at", "delivered_at", "updated_at"),
    decimals=("credits_ordered", "credits", "credits_used"),
    one_of=(("status", ("pending", "delivered", "cancelled", "refunded")),),
)
_MAY_BE_EMPTY = ("delivered_at",)


def load(engine: DuckEngine, path: Path, shape: Shape) -> None:
    """Make a table named after the shape from a CSV or Parquet file; raises ConfigError with one clear line."""
    reader, typed = _reader(path)
    try:
        columns = {
            row[0]: str(row[1]) for row in engine.connection.execute(f"DESCRIBE SELECT * FROM {reader}").fetchall()
        }
        missing = [name for name in shape.required if name not in columns]
        if missing:
            raise ConfigError(f"{path}: column {missing[0]} is missing; {shape.name} need {', '.join(shape.required)}")
        parts = [_column(path, shape, name, columns.get(name), typed) for name in (*shape.required, *shape.optional)]
        engine.run(f"CREATE TABLE given AS SELECT {', '.join(_given(shape, columns))} FROM {reader}")
        _check(engine, path, shape, columns)
        engine.run(f"CREATE TABLE {shape.name} AS SELECT {', '.join(parts)} FROM given")
        engine.run("DROP TABLE given")
    except duckdb.Error as error:
        raise ConfigError(f"{path}: this file cannot be read: {str(error).splitlines()[0][:200]}") from None
    _check_keys(engine, path, shape)


def _reader(path: Path) -> tuple[str, bool]:
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise ConfigError(f"{path}: this file cannot be opened: {error.strerror}") from None
    quoted = str(path).replace("'", "''")
    if start == _PARQUET:
        return f"read_parquet('{quoted}')", True
    if path.suffix.lower() in {".parquet", ".pq"}:
        raise ConfigError(f"{path}: this is no Parquet file, although it is named so")
    return f"read_csv('{quoted}', all_varchar = true, header = true, nullstr = '')", False


def _given(shape: Shape, columns: dict[str, str]) -> list[str]:
    return [f'"{name}"' for name in (*shape.required, *shape.optional) if name in columns]


def _column(path: Path, shape: Shape, name: str, kind: str | None, typed: bool) -> str:
    if kind is None:
        return f"NULL::{_kind_of(shape, name)} AS {name}"
    if typed:
        _check_type(path, shape, name, kind)
    if name in shape.whole:
        return f"{name}::BIGINT AS {name}"
    if name in shape.moments:
        return f"epoch_us({name}::TIMESTAMPTZ) AS {name}"
    if name in shape.flags:
        return f"lower(nullif({name}::VARCHAR, '')) IN ('true', 't', '1', 'yes') AS {name}"
    if name in shape.decimals:
        return f"({name}::DECIMAL(30, 6) * 1000000)::BIGINT AS {name}"
    return f"nullif(trim({name}::VARCHAR), '') AS {name}"


def _kind_of(shape: Shape, name: str) -> str:
    if name in shape.flags:
        return "BOOLEAN"
    return "BIGINT" if name in (*shape.whole, *shape.moments, *shape.decimals) else "VARCHAR"


def _check_type(path: Path, shape: Shape, name: str, kind: str) -> None:
    if name in shape.whole and not kind.startswith(_WHOLE) and kind != "VARCHAR":
        raise ConfigError(f"{path}: column {name} is {kind}; it has to be whole numbers of minor units")
    if name in shape.moments and kind != "VARCHAR" and not kind.startswith("TIMESTAMP WITH TIME ZONE"):
        raise ConfigError(f"{path}: column {name} is {kind}, a time without zone; write times with their zone")


def _check(engine: DuckEngine, path: Path, shape: Shape, columns: dict[str, str]) -> None:
    for name in shape.required:
        empty_too = "" if name in _MAY_BE_EMPTY else _emptiness(name, columns[name])
        for wrong, what in _faults(shape, name, columns[name]):
            row = engine.connection.execute(
                f"SELECT {name}::VARCHAR, {shape.key[-1]}::VARCHAR FROM given WHERE ({wrong}){empty_too} LIMIT 1"
            ).fetchone()
            if row is not None:
                said = "is empty" if row[0] is None else f"{row[0][:40]!r} is {what}"
                raise ConfigError(f"{path}: {name} {said} (in {shape.key[-1]} {row[1]!r})")


def _emptiness(name: str, kind: str) -> str:
    return f" OR trim({name}) = '' OR {name} IS NULL" if kind == "VARCHAR" else f" OR {name} IS NULL"


def _faults(shape: Shape, name: str, kind: str) -> list[tuple[str, str]]:
    if name in shape.whole and kind.startswith(_WHOLE):
        return [(f"abs({name}) > {MAX_MINOR}", "more than a payment can be")]
    if name in shape.whole:
        text = f"NOT regexp_full_match({name}::VARCHAR, '-?[0-9]{{1,18}}')"
        size = f"abs(try_cast({name} AS BIGINT)) > {MAX_MINOR}"
        return [(text, "no whole number of minor units"), (size, "more than a payment can be")]
    if name in shape.moments and kind == "VARCHAR":
        zoned = f"NOT regexp_matches(trim({name}), '{_ZONE}')"
        return [
            (zoned, "no time with a zone"),
            (f"try_cast({name} AS TIMESTAMPTZ) IS NULL AND {name} IS NOT NULL", "no time"),
        ]
    allowed = dict(shape.one_of).get(name)
    if allowed:
        listed = ", ".join(f"'{value}'" for value in allowed)
        return [(f"{name} NOT IN ({listed})", f"none of {', '.join(allowed)}")]
    return [("false", "")]


def _check_keys(engine: DuckEngine, path: Path, shape: Shape) -> None:
    key = ", ".join(shape.key)
    row = engine.connection.execute(
        f"SELECT {key} FROM {shape.name} GROUP BY {key} HAVING count(*) > 1 ORDER BY {key} LIMIT 1"
    ).fetchone()
    if row is not None:
        raise ConfigError(f"{path}: {' '.join(str(part) for part in row)} comes more than once; a row has to be unique")
