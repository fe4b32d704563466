"""Says why a result cannot be recomputed: what was erased, removed by retention, or never kept, and since when."""

import json
from datetime import datetime

import sqlalchemy as sa

from reconciler.schema import raw_records, runs
from reconciler.schema_erasure import erasures
from reconciler.schema_replay import readings, run_inputs
from reconciler.schema_told import audit_records


def erased_since(connection: sa.Connection, at: datetime) -> datetime | None:
    """When a buyer's data were first erased after a time."""
    row = erasures.c
    found: datetime | None = connection.execute(
        sa.select(row.erased_at).where(row.erased_at >= at).order_by(row.erased_at).limit(1)
    ).scalar()
    return found


def never_kept(connection: sa.Connection) -> str | None:
    """What every day lacks: records that were removed, or were read before there was a log; None where nothing is."""
    row = audit_records.c
    query = sa.select(row.at, row.data).where(row.kind == "records.removed").order_by(row.number.desc())
    for record in connection.execute(query):
        said = json.loads(record.data)
        if said["raw_records"]:
            until, on = said["before"][:10], record.at.date()
            return (
                f"raw records of before {until} were removed on {on} by [retention] raw_days; every day rests on them"
            )
    read = connection.execute(sa.select(sa.func.min(raw_records.c.first_seen_at))).scalar()
    logged = connection.execute(sa.select(sa.func.min(readings.c.at))).scalar()
    if read is not None and (logged is None or read < logged):
        begun = "" if logged is None else f" on {logged:%Y-%m-%d}"
        return (
            f"records were read since {read:%Y-%m-%d} by an older version, which kept no log of readings, and every "
            f"day rests on them; the log began later{begun}"
        )
    return None


def why(connection: sa.Connection, what: str, read_at: datetime) -> str:
    """Why a record that was read then is gone."""
    erased = erased_since(connection, read_at)
    if erased is not None:
        return f"{what}, read on {read_at:%Y-%m-%d}, is gone since a buyer's data were erased on {erased:%Y-%m-%d}"
    return f"{what}, read on {read_at:%Y-%m-%d}, is gone, and nothing is on record that removed it"


def not_kept(connection: sa.Connection, run_id: int, at: datetime) -> str:
    """That a run was made by a version that kept no log, and from when on days can be recomputed."""
    first = sa.select(sa.func.min(run_inputs.c.run_id)).scalar_subquery()
    since = connection.execute(sa.select(runs.c.finished_at).where(runs.c.id == first)).scalar()
    later = f": days after {since:%Y-%m-%d} can be recomputed" if since else ""
    return f"run {run_id} of {at:%Y-%m-%d %H:%M} UTC was made by an older version, which kept no log of readings{later}"
