"""Opens the two inputs and gives each one clean form: typed columns, no space around text, e-mails folded."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from reconciler.errors import ConfigError
from reconciler.files.checks import check_columns, check_values
from reconciler.files.engine import DuckEngine, quoted
from reconciler.files.shapes import Shape

_PARQUET = b"PAR1"


@dataclass(frozen=True, slots=True)
class Source:
    """Rows to read: their name in messages, SQL that yields them, and whether that SQL reads a Parquet file."""

    name: str
    sql: str
    is_parquet: bool = False


def of_file(path: Path) -> Source:
    """A CSV or Parquet file, told apart by its content; raises ConfigError for one that is not what its name says."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise ConfigError(f"{path}: this file cannot be opened: {error.strerror}") from None
    if start == _PARQUET:
        return Source(str(path), _numbered(path), is_parquet=True)
    if path.suffix.lower() in {".parquet", ".pq"}:
        raise ConfigError(f"{path}: this is no Parquet file, although it is named so")
    return Source(str(path), f"read_csv({quoted(path)}, all_varchar = true, header = true, nullstr = '')")


def load(engine: DuckEngine, source: Source, shape: Shape, folder: Path, *, tidy: bool) -> None:
    """Make a view named after the shape, with a `row` number; raises ConfigError with one clear line.

    A Parquet file is read where it lies, and of it only what a step needs; the view's `untidy` says of which rows
    the text is not as it should be. Anything else, and with `tidy` everything, is written into `folder` in clean form.
    """
    try:
        columns = {row[0]: str(row[1]) for row in engine.all(f"DESCRIBE SELECT * FROM {source.sql}")}
        check_columns(source.name, shape, columns)
        check_values(engine, source.name, source.sql, shape, columns)
        if source.is_parquet and not tidy:
            parts = [_column(shape, name, columns.get(name), _plain) for name in shape.columns]
            text = ", ".join([*parts, "false AS clean", f"{_untidy(shape, columns)} AS untidy"])
            engine.run(
                f"CREATE OR REPLACE VIEW {shape.name} AS SELECT file_row_number AS row, {text} FROM {source.sql}"
            )
        else:
            _write_clean(engine, source, shape, columns, folder / f"{shape.name}.parquet")
    except duckdb.Error as error:
        raise ConfigError(f"{source.name}: this file cannot be read: {str(error).splitlines()[0][:200]}") from None


def _numbered(path: Path) -> str:
    return f"read_parquet({quoted(path)}, file_row_number = true)"


def _write_clean(engine: DuckEngine, source: Source, shape: Shape, columns: dict[str, str], path: Path) -> None:
    parts = ", ".join(_column(shape, name, columns.get(name), _tidied) for name in shape.columns)
    _fill_folds(engine, source, columns)
    joined = "LEFT JOIN folds ON folds.email = trim(buyer_email::VARCHAR)" if "buyer_email" in columns else ""
    engine.run(f"COPY (SELECT {parts} FROM {source.sql} {joined}) TO {quoted(path)} (FORMAT parquet)")
    rows = "SELECT file_row_number AS row, * EXCLUDE (file_row_number), true AS clean, false AS untidy"
    engine.run(f"CREATE OR REPLACE VIEW {shape.name} AS {rows} FROM {_numbered(path)}")


def _fill_folds(engine: DuckEngine, source: Source, columns: dict[str, str]) -> None:
    """Lower-casing is enough for ASCII; the few other e-mails are folded as everywhere else in the program."""
    engine.run("CREATE OR REPLACE TEMP TABLE folds (email VARCHAR, folded VARCHAR)")
    if "buyer_email" not in columns:
        return
    email = "trim(buyer_email::VARCHAR)"
    rare = engine.all(f"SELECT DISTINCT {email} FROM {source.sql} WHERE strlen({email}) != length({email})")
    if rare:
        engine.connection.executemany("INSERT INTO folds VALUES (?, ?)", [(one, one.casefold()) for (one,) in rare])


def unclean(name: str) -> str:
    """SQL: the text has space around it or, of an e-mail, is not folded."""
    spaced = f"{name} < '!' OR ends_with({name}, ' ')"
    if not name.endswith("buyer_email"):
        return spaced
    return f"{spaced} OR {name} != lower({name}) OR strlen({name}) != length({name})"


def _untidy(shape: Shape, columns: dict[str, str]) -> str:
    """SQL: some text of the row is not in clean form, apart from the `compared` columns and those that are looked at
    word by word, and those that are one of a list, which was checked."""
    elsewhere = {*shape.compared, *shape.few, *dict(shape.one_of)}
    names = [name for name in shape.columns if name in columns and shape.type_of(name) == "VARCHAR"]
    faults = [unclean(name) for name in names if name not in elsewhere]
    return f"coalesce({' OR '.join([*faults, 'false'])}, false)"


def _plain(name: str, kind: str) -> str:
    return name if kind == "VARCHAR" else f"{name}::VARCHAR"


def _tidied(name: str, _kind: str) -> str:
    text = f"nullif(trim({name}::VARCHAR), '')"
    if name == "buyer_email":
        return f"coalesce(folds.folded, lower({text}))"
    return f"upper({text})" if name == "currency" else text


def _column(shape: Shape, name: str, kind: str | None, text: Callable[[str, str], str]) -> str:
    wanted = shape.type_of(name)
    if kind is None:
        return f"NULL::{wanted} AS {name}"
    if name in shape.moments:
        return f"epoch_us({name}::TIMESTAMPTZ) AS {name}"
    if name in shape.flags:
        return f"lower(nullif({name}::VARCHAR, '')) IN ('true', 't', '1', 'yes') AS {name}"
    if name in shape.decimals:
        return f"{name if kind.startswith('DECIMAL') else f'{name}::{wanted}'} AS {name}"
    return f"{name}::{wanted} AS {name}" if wanted == "BIGINT" else f"{text(name, kind)} AS {name}"
