"""What an alert says: what happened, to whom, how much is at stake, by when, the clause, and what to do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from zoneinfo import ZoneInfo

from reconciler.alerts.harmless import harmless
from reconciler.alerts.model import ACKNOWLEDGED, RESOLVED, Alert, Item, stakes, weight
from reconciler.report.story import resolution, story
from reconciler.words.voice import Voice

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
    parts: Sequence[Alert],
    *,
    zone: ZoneInfo,
    language: str = "en",
    public_url: str = "",
    held_back: int = 0,
    repeated: bool = False,
) -> Message:
    """The message about one alert, or about several that are told together."""
    voice = Voice(language, zone)
    ordered = sorted(parts, key=lambda one: (-weight(one.severity), one.opened_at, one.id))
    link = _link(ordered, public_url)
    if len(ordered) == 1:
        heading, lines = _title(ordered[0], voice), tuple(_single(ordered[0], voice, public_url))
    else:
        heading, lines = _together(ordered, held_back, voice), tuple(_several(ordered, voice))
    if repeated:
        heading = voice.say("alert.repeated", what=heading)
    return Message(heading, lines, link)


def _title(alert: Alert, voice: Voice) -> str:
    what = heading(alert, voice)
    if alert.state == RESOLVED:
        return f"✅ {voice.say('alert.resolved', what=what)}"
    return f"{MARKS[alert.severity]} {what}"


def heading(alert: Alert, voice: Voice) -> str:
    """What an alert is about, in a few words."""
    if not alert.items:
        return harmless(voice.sentence(alert.said.get("title", "")))
    shown = alert.standing or alert.items
    kinds = sorted({item.kind for item in shown})
    who = sorted({voice.say(f"provider.{item.provider or 'shop'}") for item in shown})
    what = voice.title(kinds[0]) if len(kinds) == 1 else voice.say("alert.findings")
    many = f": {voice.say('finding', n=len(shown))}" if len(shown) > 1 else ""
    whole = f"{what}, {', '.join(who)}{many}"
    return voice.say("alert.at_once", what=whole) if alert.kind == "storm" else whole


def _single(alert: Alert, voice: Voice, public_url: str) -> Iterator[Line]:
    say = voice.say
    if alert.kind == "storm" and alert.state != RESOLVED:
        yield (Span(say("alert.storm")),)
    if not alert.items:
        yield (Span(harmless(voice.sentence(alert.said.get("text", "")))),)
    shown = alert.standing or alert.items
    if shown:
        yield (Span(f"{say('alert.stake')}: "), Span(voice.sums(stakes(shown)) or say("label.unknown"), bold=True))
    yield from _findings(shown, voice, public_url)
    resolved = len(alert.items) - len(alert.standing)
    if resolved and alert.state != RESOLVED:
        yield (Span(say("alert.partly", n=resolved, all=len(alert.items))),)
    yield from _state(alert, voice)
    yield (Span(say("alert.line", id=alert.id[:8], at=voice.time(alert.opened_at.isoformat()))),)


def _findings(items: Sequence[Item], voice: Voice, public_url: str) -> Iterator[Line]:
    if len(items) <= IN_FULL:
        for item in items:
            yield from _finding(item, voice, public_url)
        return
    ordered = sorted(items, key=lambda item: (-weight(item.severity), item.kind, -(item.amount_minor or 0)))
    kinds = [list(members) for _, members in groupby(ordered, key=lambda item: item.kind)]
    for members in kinds[:KINDS_SHOWN]:
        total, kind = voice.sums(stakes(members)), members[0].kind
        yield (
            Span(f"{voice.title(kind)}: {voice.count(len(members))}", bold=True),
            Span(f", {total}" if total else ""),
        )
        for item in members[:EXAMPLES]:
            yield (Span(f"  {_short(item, voice)}"),)
        if len(members) > EXAMPLES:
            yield (Span(f"  {voice.say('alert.more', n=len(members) - EXAMPLES, kind=kind)}"),)
    if len(kinds) > KINDS_SHOWN:
        yield (Span(voice.say("alert.more_kinds", n=len(kinds) - KINDS_SHOWN)),)


def _finding(item: Item, voice: Voice, public_url: str) -> Iterator[Line]:
    said, say = item.said, voice.say
    yield (Span("• "), Span(harmless(story(said, voice)), bold=True))
    whom = [
        say(f"alert.{label}", id=harmless(said[name]))
        for label, name in (("account", "account_id"), ("order", "order_id"))
        if said.get(name)
    ]
    if said["transaction_ids"]:
        whom.append(say("alert.charge", ids=", ".join(harmless(ref) for ref in said["transaction_ids"][:3])))
    if whom:
        yield (Span("  " + ", ".join(whom)),)
    yield (Span("  " + ", ".join(_facts(item, voice))),)
    if item.resolution:
        why = resolution({**said, "resolution": item.resolution, "status": RESOLVED}, voice)
        yield (Span(f"  {say('alert.why_resolved', why=harmless(why or ''))}"),)
    link = f"{public_url.rstrip('/')}/findings/{item.id}" if public_url else None
    yield (Span("  "), Span(link or f"reconciler explain {item.id}", link=link))


def _facts(item: Item, voice: Voice) -> Iterator[str]:
    said, say = item.said, voice.say
    amount = voice.money(said["amount"], said["currency"])
    yield say("alert.at_stake", amount=amount) if said["amount"] else say("alert.no_amount")
    if item.due_at is not None:
        yield say("alert.due_by", at=voice.time(item.due_at.isoformat()))
    if said["policy_clause"]:
        yield say("alert.policy", clause=said["policy_clause"])
    yield say("alert.recommended", advice=say("advice." + said["recommendation"]))


def _short(item: Item, voice: Voice) -> str:
    return harmless(story(item.said, voice))[:160]


def _together(parts: Sequence[Alert], held_back: int, voice: Voice) -> str:
    open_ones = [one for one in parts if one.state != RESOLVED]
    if not open_ones:
        return f"✅ {voice.say('alert.all_resolved', n=len(parts))}"
    mark = MARKS[max((one.severity for one in open_ones), key=weight)]
    return f"{mark} {voice.say('alert.held_back' if held_back else 'alert.several', n=len(parts))}"


def _several(parts: Sequence[Alert], voice: Voice) -> Iterator[Line]:
    for alert in parts[:40]:
        stake = voice.sums(stakes(alert.standing))
        at_stake = voice.say("alert.at_stake", amount=stake)
        yield (Span(_title(alert, voice), bold=True), Span(f", {at_stake}" if stake else ""))
        for item in alert.standing[:1]:
            yield (Span(f"  {_short(item, voice)}"),)
        if not alert.items:
            yield (Span(f"  {harmless(voice.sentence(alert.said.get('text', '')))[:200]}"),)
        yield from _state(alert, voice)
    yield (Span(voice.say("alert.list")),)


def _state(alert: Alert, voice: Voice) -> Iterator[Line]:
    if alert.state == RESOLVED and alert.resolved_at:
        yield (Span(voice.say("alert.resolved_at", at=voice.time(alert.resolved_at.isoformat())), bold=True),)
    elif alert.state == ACKNOWLEDGED and alert.acknowledged_at:
        by, at = harmless(voice.sentence(alert.acknowledged_by or "")), voice.time(alert.acknowledged_at.isoformat())
        yield (Span(voice.say("alert.acknowledged", by=by, at=at), bold=True),)
    elif alert.snoozed_until is not None:
        yield (Span(voice.say("alert.snoozed", at=voice.time(alert.snoozed_until.isoformat())), bold=True),)


def _link(parts: Sequence[Alert], public_url: str) -> str | None:
    if not public_url:
        return None
    base = public_url.rstrip("/")
    items = [item for alert in parts for item in alert.items]
    return f"{base}/findings/{items[0].id}" if len(items) == 1 else f"{base}/"


def _plain(span: Span) -> str:
    return span.text
