"""Trends as small pictures: SVG that needs nothing else, in the page's own colours, with a text that says the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from reconciler.report.document import Document
from reconciler.words.voice import Voice

WIDTH, HEIGHT = 264, 96
_MARGIN = 42
FEWEST = 3
"""With fewer days than that a picture shows nothing that the numbers do not."""
_FONT = "Liberation Sans"
"""The font that widths are counted by, which the converter brings along: the same bytes on every machine."""
_SHOWN_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif"
_COLOURS = {
    "#2c5a85": "--info",
    "#a3231c": "--critical",
    "#7a5200": "--warning",
    "#5d6166": "--soft",
    "#e3e0d9": "--rule",
}
"""A picture's colours stand for the page's variables, which change in the dark; alone, they are what they say."""
_INFO, _CRITICAL, _WARNING, _SOFT, _RULE = _COLOURS
_TONES = {"received": "info", "refunded": "critical", "at_stake": "warning"}
_BY_TONE = {"critical": _CRITICAL, "warning": _WARNING, "info": _INFO}


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture with its title, what it shows in words, and what its colours mean: tones with their words."""

    title: str
    says: str
    svg: str
    key: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Bars:
    """What is drawn: a value for each day and series, the tone of each series, and the texts of the axis."""

    days: Sequence[str]
    series: Mapping[str, Sequence[Any]]
    tones: Mapping[str, str]
    ticks: Mapping[Decimal, str]


def charts(document: Document, voice: Voice) -> list[Chart]:
    """The trends that have enough days: money by currency, never added across currencies, and what was open."""
    trends = document["trends"]
    days = trends["days"]
    drawn = []
    for code, received in trends["received"].items():
        back = trends["refunded"].get(code, [])
        if _worth_it(received) or _worth_it(back):
            drawn.append(_flow(code, received, back, days, voice))
    for code, values in trends["at_stake"].items():
        if _worth_it(values):
            drawn.append(_at_stake(code, values, days, voice))
    if any(_worth_it(values) for values in trends["open"].values()):
        drawn.append(_open(trends["open"], days, voice))
    return drawn


def _worth_it(values: Sequence[Any]) -> bool:
    return sum(value is not None and Decimal(value) != 0 for value in values) >= FEWEST


def _flow(code: str, received: Sequence[str], back: Sequence[str], days: Sequence[str], voice: Voice) -> Chart:
    """What came in above the line, what went back below it."""
    series = {"received": [Decimal(value) for value in received]}
    if any(Decimal(value) for value in back):
        series["refunded"] = [-Decimal(value) for value in back]
    top, title = max(series["received"]), voice.say("chart.flow", currency=voice.currency(code))
    says = voice.say(
        "chart.money", title=title, most=voice.money(f"{top:f}", code), last=voice.money(received[-1], code)
    )
    tones = {name: _TONES[name] for name in series}
    key = tuple((tone, voice.say(f"chart.{name}")) for name, tone in tones.items()) if len(series) > 1 else ()
    return Chart(title, says, _svg(_Bars(days, series, tones, _ticks(top, voice)), voice), key)


def _at_stake(code: str, values: Sequence[str | None], days: Sequence[str], voice: Voice) -> Chart:
    numbers = [None if value is None else Decimal(value) for value in values]
    top = max(number for number in numbers if number is not None)
    last = next(value for value in reversed(values) if value is not None)
    title = voice.say("chart.at_stake", currency=voice.currency(code))
    says = voice.say("chart.money", title=title, most=voice.money(f"{top:f}", code), last=voice.money(last, code))
    bars = _Bars(days, {"at_stake": numbers}, {"at_stake": _TONES["at_stake"]}, _ticks(top, voice))
    return Chart(title, says, _svg(bars, voice))


def _open(series: Mapping[str, Sequence[int | None]], days: Sequence[str], voice: Voice) -> Chart:
    sums = [sum(one or 0 for one in values) for values in zip(*series.values(), strict=True)]
    bars = _Bars(days, series, {name: name for name in series}, _ticks(Decimal(max(sums)), voice, whole=True))
    title = voice.say("chart.open")
    says = voice.say("chart.counts", title=title, most=max(sums), last=sums[-1])
    key = tuple((name, voice.say(f"severity.{name}")) for name in reversed(list(series)) if any(series[name]))
    return Chart(title, says, _svg(bars, voice), key)


def _ticks(top: Decimal, voice: Voice, *, whole: bool = False) -> dict[Decimal, str]:
    """Nothing, and one round number that the highest value comes near to."""
    from babel.numbers import format_compact_decimal

    if top <= 0:
        return {}
    unit = Decimal(1).scaleb(top.adjusted())
    round_ = max(step * unit for step in map(Decimal, (1, 2, 5)) if step * unit <= top)
    half = round_ / 2
    is_half_shown = half >= 1 and top < round_ * Decimal("1.6") and not (whole and half % 1)
    shown = [half, round_] if is_half_shown else [round_]
    return {tick: format_compact_decimal(tick, locale=voice.language, fraction_digits=1) for tick in shown}


def _svg(bars: _Bars, voice: Voice) -> str:
    import altair as alt
    import vl_convert

    rows = [
        {"day": number, "series": name, "value": float(value), "order": place}
        for place, (name, values) in enumerate(bars.series.items())
        for number, value in enumerate(values)
        if value is not None
    ]
    places = [0, len(bars.days) // 2, len(bars.days) - 1]
    labels = {place: voice.day(date.fromisoformat(bars.days[place]), "format.short") for place in places}
    align = {"condition": [_at(places[0], "left"), _at(places[-1], "right")], "value": "center"}
    x = alt.X("day:O", axis=_axis(alt, labels, grid=False, labelAlign=align), scale=_days(alt, len(bars.days)))
    y_axis = _axis(alt, bars.ticks, grid=True, minExtent=_MARGIN, maxExtent=_MARGIN)
    y = alt.Y("value:Q", axis=y_axis, scale=alt.Scale(nice=False, zero=True))
    colours = alt.Scale(domain=list(bars.tones), range=[_BY_TONE[tone] for tone in bars.tones.values()])
    colour = alt.Color("series:N", scale=colours, legend=None)
    drawn = alt.Chart(alt.InlineData(values=rows), width=WIDTH, height=HEIGHT).mark_bar()
    look = {"font": _FONT, "background": "transparent", "padding": 2, "view": {"stroke": None}, "aria": False}
    spec = drawn.encode(x=x, y=y, color=colour, order="order:Q").configure(**look)
    return _in_the_pages_colours(str(vl_convert.vegalite_to_svg(spec.to_dict())))


def _at(place: int, align: str) -> dict[str, str]:
    return {"test": f"datum.value == {place}", "value": align}


def _days(alt: Any, count: int) -> Any:
    return alt.Scale(domain=list(range(count)), paddingInner=0.25, paddingOuter=0)


def _axis(alt: Any, labels: Mapping[Any, str], **more: Any) -> Any:
    texts = " : ".join(f"datum.value == {value} ? '{text}'" for value, text in labels.items())
    return alt.Axis(
        title=None,
        values=[float(value) for value in labels],
        labelExpr=f"{texts} : ''",
        labelColor=_SOFT,
        labelFontSize=11,
        labelAngle=0,
        labelOverlap=False,
        domain=False,
        ticks=False,
        gridColor=_RULE,
        **more,
    )


def _in_the_pages_colours(svg: str) -> str:
    for colour, variable in _COLOURS.items():
        svg = svg.replace(f'"{colour}"', f'"var({variable}, {colour})"')
    svg = svg.replace(f'font-family="{_FONT}"', f'font-family="{_SHOWN_FONT}"')
    return svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
