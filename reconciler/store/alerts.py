"""Puts alerts for people into the outbox, in the transaction of what they tell of; each is sent once."""

import json
from datetime import datetime

import sqlalchemy as sa

from reconciler.schema_told import outbox
from reconciler.store import audit
from reconciler.store.outbox import put

ALERT = "alert"
"""The channel of alerts to people."""


def raise_alert(connection: sa.Connection, key: str, severity: str, title: str, text: str, now: datetime) -> bool:
    """Store an alert that says what happened, to what, and what to do; False when this one was raised before."""
    if connection.execute(sa.select(outbox.c.id).where(outbox.c.key == key)).first() is not None:
        return False
    body = json.dumps({"severity": severity, "title": title, "text": text}, ensure_ascii=False, sort_keys=True)
    put(connection, channel=ALERT, key=key, sequence_key=None, body=body, now=now)
    audit.record(connection, "alert.raised", key, audit.PROGRAM, now, {"severity": severity, "title": title})
    return True
