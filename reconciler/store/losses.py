"""Says why a result cannot be recomputed: what was erased, removed by retention, or never kept, and since when."""

import json
from datetime import datetime, tzinfo

import sqlalchemy as sa

from reconciler.schema import raw_records, runs
from reconciler.schema_erasure import erasures
from reconciler.schema_replay import readings, run_inputs
from reconciler.schema_told import audit_records
from reconciler.store import bases


def erased_since(connection: sa.Connection, at: datetime) -> datetime | None:
    """When a buyer's data were first erased after a time."""
    row = erasures.c
    found: datetime | None = connection.execute(
        sa.select(row.erased_at).where(row.erased_at >= at).order_by(row.erased_at).limit(1)
    ).scalar()
    return found


def never_kept(connection: sa.Connection) -> str | None:
    """What the log lacks at its beginning: what was removed, or read before there was one; None where nothing is."""
    row = audit_records.c
    query = sa.select(row.at, row.data).where(row.kind == "records.removed").order_by(row.number.desc())
    for record in connection.execute(query):
        said = json.loads(record.data)
        if said["raw_records"] or said.get("readings"):
            until, on = said["before"][:10], record.at.date()
            return f"records that were read before {until} were removed on {on} by [retention] raw_days"
    read = connection.execute(sa.select(sa.func.min(raw_records.c.first_seen_at))).scalar()
    logged = log_began(connection)
    if read is not None and (logged is None or read < logged):
        return f"records were read since {read:%Y-%m-%d} by an older version, which kept no log of readings"
    return None


def log_began(connection: sa.Connection) -> datetime | None:
    """When the first reading was that the log holds."""
    began: datetime | None = connection.execute(sa.select(sa.func.min(readings.c.at))).scalar()
    return began


def reach(connection: sa.Connection, zone: tzinfo) -> str:
    """From which day on days can be recomputed: two runs have to follow the oldest base, the day's and one before."""
    base = bases.oldest(connection)
    if base is None:
        return "days after the next daily clean-up can be recomputed"
    query = sa.select(runs.c.finished_at).join(run_inputs, run_inputs.c.run_id == runs.c.id)
    query = query.where(run_inputs.c.last_reading >= base.reading, runs.c.finished_at.is_not(None))
    second = connection.execute(query.order_by(runs.c.id).limit(1).offset(1)).scalar()
    if second is None:
        return f"days after {base.at.astimezone(zone):%Y-%m-%d} can be recomputed"
    return f"days from {second.astimezone(zone):%Y-%m-%d} on can be recomputed"


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
