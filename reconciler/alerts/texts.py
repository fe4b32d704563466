"""What an alert says: what happened, to whom, how much is at stake, by when, the clause, and what to do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from reconciler.alerts.harmless import harmless
from reconciler.alerts.model import ACKNOWLEDGED, RESOLVED, Alert, Item, stakes, weight
from reconciler.report.shown import money, sums
from reconciler.report.texts import counted, say, title

IN_FULL = 5
"""So many findings are told one by one; more than that are told kind by kind, with examples."""
EXAMPLES = 2
KINDS_SHOWN = 12
MARKS = {"critical": "🔴", "warning": "🟡", "info": "🔵"}


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line; `link` is only ever an address of our own."""

    text: str
    bold: bool = False
    link: str | None = None


Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: a title and lines below it; `open_link` leads to the dashboard, where there is one."""

    title: str
    lines: tuple[Line, ...]
    open_link: str | None = None

    @property
    def plain(self) -> str:
        """The lines as plain text."""
        return "\n".join("".join(_plain(span) for span in line) for line in self.lines)


def message(
    parts: Sequence[Alert], *, zone: ZoneInfo, public_url: str = "", held_back: int = 0, repeated: bool = False
) -> Message:
    """The message about one alert, or about several that are told together."""
    ordered = sorted(parts, key=lambda one: (-weight(one.severity), one.opened_at, one.id))
    link = _link(ordered, public_url)
    if len(ordered) == 1:
        heading, lines = _title(ordered[0]), tuple(_single(ordered[0], zone, public_url))
    else:
        heading, lines = _together(ordered, held_back), tuple(_several(ordered, zone))
    if repeated:
        heading = f"{heading} (nobody has acknowledged it)"
    return Message(heading, lines, link)


def _title(alert: Alert) -> str:
    mark = "✅" if alert.state == RESOLVED else MARKS[alert.severity]
    over = "Resolved: " if alert.state == RESOLVED else ""
    return f"{mark} {over}{heading(alert)}"


def heading(alert: Alert) -> str:
    """What an alert is about, in a few words."""
    if not alert.items:
        return harmless(alert.said.get("title", ""))
    shown = alert.standing or alert.items
    kinds = sorted({item.kind for item in shown})
    who = sorted({say(f"provider.{item.provider or 'shop'}") for item in shown})
    what = title(kinds[0]) if len(kinds) == 1 else "Findings"
    many = f": {counted(len(shown))}" if len(shown) > 1 else ""
    storm = " at once" if alert.kind == "storm" else ""
    return f"{what}, {', '.join(who)}{many}{storm}"


def _single(alert: Alert, zone: ZoneInfo, public_url: str) -> Iterator[Line]:
    if alert.kind == "storm" and alert.state != RESOLVED:
        yield (
            Span(
                "So many at once: a feed may be broken, or this is a first run. "
                "Look at the feeds (reconciler status) before you act on any of them."
            ),
        )
    if not alert.items:
        yield (Span(harmless(alert.said.get("text", ""))),)
    shown = alert.standing or alert.items
    if shown:
        yield (Span("At stake: "), Span(sums(stakes(shown)) or "unknown", bold=True))
    yield from _findings(shown, zone, public_url)
    resolved = len(alert.items) - len(alert.standing)
    if resolved and alert.state != RESOLVED:
        yield (Span(f"{resolved:,} of {len(alert.items):,} resolved by now."),)
    yield from _state(alert, zone)
    yield (Span(f"Alert {alert.id[:8]}, {_time(alert.opened_at, zone)}"),)


def _findings(items: Sequence[Item], zone: ZoneInfo, public_url: str) -> Iterator[Line]:
    if len(items) <= IN_FULL:
        for item in items:
            yield from _finding(item, zone, public_url)
        return
    ordered = sorted(items, key=lambda item: (-weight(item.severity), item.kind, -(item.amount_minor or 0)))
    kinds = [list(members) for _, members in groupby(ordered, key=lambda item: item.kind)]
    for members in kinds[:KINDS_SHOWN]:
        total = sums(stakes(members))
        yield (Span(f"{title(members[0].kind)}: {len(members):,}", bold=True), Span(f", {total}" if total else ""))
        for item in members[:EXAMPLES]:
            yield (Span(f"  {_short(item)}"),)
        if len(members) > EXAMPLES:
            yield (Span(f"  and {len(members) - EXAMPLES:,} more: reconciler findings --kind {members[0].kind}"),)
    if len(kinds) > KINDS_SHOWN:
        yield (Span(f"and {len(kinds) - KINDS_SHOWN} more kinds: reconciler findings"),)


def _finding(item: Item, zone: ZoneInfo, public_url: str) -> Iterator[Line]:
    said = item.said
    yield (Span("• "), Span(harmless(said["explanation"]), bold=True))
    whom = [
        f"{label} {harmless(said[name])}"
        for label, name in (("account", "account_id"), ("order", "order_id"))
        if said.get(name)
    ]
    if said["transaction_ids"]:
        whom.append("charge " + ", ".join(harmless(ref) for ref in said["transaction_ids"][:3]))
    if whom:
        yield (Span("  " + ", ".join(whom)),)
    yield (Span("  " + ", ".join(_facts(item, zone))),)
    if item.resolution:
        yield (Span(f"  resolved: {harmless(item.resolution)}"),)
    link = f"{public_url.rstrip('/')}/findings/{item.id}" if public_url else None
    yield (Span("  "), Span(link or f"reconciler explain {item.id}", link=link))


def _facts(item: Item, zone: ZoneInfo) -> Iterator[str]:
    said = item.said
    yield f"at stake {money(said['amount'], said['currency'])}" if said["amount"] else "amount unknown"
    if item.due_at is not None:
        yield f"due by {_time(item.due_at, zone)}"
    if said["policy_clause"]:
        yield f"policy {said['policy_clause']}"
    yield f"recommended: {say('advice.' + said['recommendation'])}"


def _short(item: Item) -> str:
    return harmless(item.said["explanation"])[:160]


def _together(parts: Sequence[Alert], held_back: int) -> str:
    open_ones = [one for one in parts if one.state != RESOLVED]
    if not open_ones:
        return f"✅ Resolved: {len(parts)} alerts"
    mark = MARKS[max((one.severity for one in open_ones), key=weight)]
    if held_back:
        return f"{mark} {len(parts)} alerts were held back: more came within an hour than are to be sent"
    return f"{mark} {len(parts)} alerts"


def _several(parts: Sequence[Alert], zone: ZoneInfo) -> Iterator[Line]:
    for alert in parts[:40]:
        stake = sums(stakes(alert.standing))
        yield (Span(_title(alert), bold=True), Span(f", at stake {stake}" if stake else ""))
        for item in alert.standing[:1]:
            yield (Span(f"  {_short(item)}"),)
        if not alert.items:
            yield (Span(f"  {harmless(alert.said.get('text', ''))[:200]}"),)
        yield from _state(alert, zone)
    yield (Span("All of them: reconciler alerts list"),)


def _state(alert: Alert, zone: ZoneInfo) -> Iterator[Line]:
    if alert.state == RESOLVED:
        yield (Span(f"Resolved {_time(alert.resolved_at, zone)}", bold=True),)
    elif alert.state == ACKNOWLEDGED:
        by = harmless(alert.acknowledged_by or "")
        yield (Span(f"Acknowledged by {by}, {_time(alert.acknowledged_at, zone)}", bold=True),)
    elif alert.snoozed_until is not None:
        yield (Span(f"Snoozed until {_time(alert.snoozed_until, zone)}", bold=True),)


def _link(parts: Sequence[Alert], public_url: str) -> str | None:
    if not public_url:
        return None
    base = public_url.rstrip("/")
    items = [item for alert in parts for item in alert.items]
    return f"{base}/findings/{items[0].id}" if len(items) == 1 else f"{base}/"


def _time(at: datetime | None, zone: ZoneInfo) -> str:
    return "" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def _plain(span: Span) -> str:
    return span.text
