"""How often and when an address is written to: what goes now, what waits, and what goes together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)
Act = Literal["tell", "edit", "document"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A due entry of one address. An edit rings nowhere and a document was asked for: neither is limited."""

    id: int
    act: Act
    severity: str


@dataclass(frozen=True, slots=True)
class Plan:
    """`first` goes now; `postponed` ids wait until a time; `together` ids become one message.

    `held_back`: it is the limit that puts them together, and the message says so.
    """

    first: int | None = None
    postponed: dict[int, datetime] = field(default_factory=dict)
    together: tuple[int, ...] = ()
    held_back: bool = False


def plan(
    waiting: Sequence[Waiting], sent_at: Sequence[datetime], limit: int, quiet_until: datetime | None, now: datetime
) -> Plan:
    """What an address gets now. `sent_at` are the messages of the last hour, `limit` how many it may have.

    In quiet hours only what is critical rings. The last message that fits tells of all that does not fit any more.
    """
    postponed = {one.id: quiet_until for one in waiting if quiet_until and one.act == "tell" and not _rings(one)}
    tells = sorted((one for one in waiting if one.act == "tell" and one.id not in postponed), key=_order)
    room = limit - len(sent_at)
    if tells and room <= 0:
        frees = min(sent_at) + HOUR
        postponed |= {one.id: max(frees, now) for one in tells}
        tells = []
    if room == 1 and len(tells) > 1:
        return Plan(None, postponed, tuple(one.id for one in tells), held_back=True)
    calm = [one.id for one in tells if not _rings(one)]
    if len(calm) > 1:
        return Plan(None, postponed, tuple(calm))
    others = [one.id for act in ("document", "edit") for one in waiting if one.act == act]
    return Plan(next(iter([one.id for one in tells] + others), None), postponed)


def quiet_until(hours: tuple[time, time] | None, zone: ZoneInfo, now: datetime) -> datetime | None:
    """When the quiet hours end that it is now, in `zone`; None outside of them."""
    if hours is None:
        return None
    start, end = hours
    local = now.astimezone(zone)
    clock = local.time()
    is_quiet = start <= clock < end if start < end else clock >= start or clock < end
    if not is_quiet:
        return None
    day = local.date() if clock < end else local.date() + timedelta(days=1)
    return datetime.combine(day, end, zone)


def _rings(one: Waiting) -> bool:
    return one.severity == "critical"


def _order(one: Waiting) -> tuple[bool, int]:
    return not _rings(one), one.id
