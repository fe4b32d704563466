"""Whether the shop's ledger could be written with the credentials given, found by asking and never by trying."""

import os
import re
from pathlib import Path

from sqlalchemy import Connection, text

from providers.base import Check

NAME = "shop rights"
ADVICE = "give [shop] url a user of its own that has GRANT SELECT only"

# Column rights count too; has_any_column_privilege is true for rights on the whole table as well.
_POSTGRES = text(
    """
    SELECT n.nspname || '.' || c.relname
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND n.nspname NOT LIKE 'pg\\_%' AND has_schema_privilege(n.oid, 'USAGE')
      AND (has_any_column_privilege(c.oid, 'INSERT, UPDATE') OR has_table_privilege(c.oid, 'DELETE, TRUNCATE'))
    ORDER BY 1
    """
)
_WRITE_GRANT = re.compile(r"\b(ALL|INSERT|UPDATE|DELETE|DROP|ALTER|CREATE|TRIGGER|SUPER)\b")


def of_file(path: Path, what: str) -> Check:
    """A file is opened read-only in any case, so that being able to write it is only a warning."""
    if os.access(path, os.W_OK):
        advice = "it is only ever opened for reading; take the write permission away to be sure"
        return Check(NAME, "warning", f"{what} {path} can be written by this user", advice)
    return Check(NAME, "ok", f"{what} {path} can only be read by this user")


def of_server(connection: Connection) -> Check:
    """What a database server says about the rights of the user that is logged in."""
    kind = connection.dialect.name
    if kind == "postgresql":
        return _of_postgres(connection)
    if kind in {"mysql", "mariadb"}:
        return of_grants([str(row[0]) for row in connection.exec_driver_sql("SHOW GRANTS FOR CURRENT_USER()")])
    return Check(NAME, "warning", f"the rights of this user on {kind} cannot be read from here", ADVICE)


def of_grants(grants: list[str]) -> Check:
    """Judge MySQL's GRANT lines: any right but reading, on anything, is a failure."""
    writing = [grant for grant in grants if _WRITE_GRANT.search(grant.upper().split(" ON ")[0])]
    if writing:
        shown = re.sub(r"\s+(TO|IDENTIFIED)\s.*", "", writing[0])
        return Check(NAME, "failed", f"the shop's user can write: {shown}", ADVICE)
    if any(" ON " not in grant.upper() for grant in grants):
        return Check(NAME, "warning", "the shop's user has roles, whose rights cannot be seen from here", ADVICE)
    return Check(NAME, "ok", "the shop's user can only read")


def _of_postgres(connection: Connection) -> Check:
    if connection.execute(text("SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user")).scalar():
        return Check(NAME, "failed", "the shop's user is a superuser and can write everything", ADVICE)
    names = list(connection.execute(_POSTGRES).scalars())
    if names:
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        return Check(NAME, "failed", f"the shop's user can write {', '.join(names[:5])}{more}", ADVICE)
    return Check(NAME, "ok", "the shop's user can only read")
