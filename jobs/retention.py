"""Once a day removes what is older than `[retention] raw_days`, and leaves on record how much that was."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from reconciler.findings import iso
from reconciler.settings import Settings
from reconciler.store import audit
from reconciler.store.engine import read, write
from reconciler.store.retention import remove_old

KIND = "records.removed"
EVERY = timedelta(days=1)


def remove_outdated(settings: Settings, engine: sa.Engine, now: datetime) -> dict[str, int]:
    """Remove what is too old, unless that was done within a day; returns how many of each were."""
    with read(engine) as connection:
        last = audit.last_at(connection, KIND)
    if last is not None and now - last < EVERY:
        return {}
    before = now - timedelta(days=settings.retention.raw_days)
    with write(engine) as connection:
        removed = remove_old(connection, before)
        audit.record(connection, KIND, "retention", audit.PROGRAM, now, {"before": iso(before), **removed})
    return removed
