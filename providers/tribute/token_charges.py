"""A charge of a saved card as the API shows it (fact sheet A5.6); there is no list of them, only single looks; pure."""

from datetime import datetime
from typing import Any

from providers.tribute import fields, records
from providers.tribute.records import PROVIDER, Reading
from reconciler.model import ChargeState, Kind, Status, Transaction

SOURCE = "tribute.charges"
_STATUSES = {"success": Status.PAID, "failed": Status.FAILED}
"""`timeout` is no proof of failure: it is pending like the others (fact sheet A5.6)."""


def read(record: Any, now: datetime) -> Reading:
    """The charge, its state and the shop's own reference; raises BadRecord."""
    values = fields.record_of(record)
    state = fields.text_of(values, "status") or ""
    ref = fields.order_uuid(values.get("chargeUuid"))
    dated = "processedAt" if values.get("processedAt") else "createdAt"
    charge = Transaction(
        provider=PROVIDER,
        ref=ref,
        kind=Kind.CHARGE,
        status=_STATUSES.get(state, Status.PENDING),
        amount_minor=fields.minor(values.get("amount"), "amount"),
        currency=fields.currency(values.get("currency")),
        occurred_at=fields.moment(values.get(dated)),
        occurred_text=str(values[dated]),
        group_ref=ref,
        reason=fields.text_of(values, "errorCode"),
    )
    echo = fields.text_of(values, "reference")
    seen = ChargeState(PROVIDER, ref, now, state=state, echoes=(echo,) if echo else ())
    return Reading((charge,), (seen,), (records.raw(SOURCE, ref, values, now),))
