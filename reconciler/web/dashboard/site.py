"""What every page is made with: the store, the configuration, the templates, and the language of who looks."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
import sqlalchemy as sa
from fastapi import Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup, escape

from reconciler import schedule
from reconciler.access import masked, may
from reconciler.report import shown, story
from reconciler.settings import Settings
from reconciler.store.web_sessions import Visitor
from reconciler.web.dashboard import assets
from reconciler.web.dashboard.attempts import Attempts
from reconciler.webhooks import Delivery
from reconciler.words import LANGUAGES
from reconciler.words.voice import NOTHING, Voice

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
THEMES = ("auto", "light", "dark")


@dataclass(frozen=True)
class Site:
    """The dashboard's parts. `deliveries` shows a provider's webhook without its secrets, by the provider's name."""

    engine: sa.Engine
    settings: Settings
    now: Callable[[], datetime]
    deliveries: Mapping[str, Callable[[Delivery], Any]] = field(default_factory=dict)
    attempts: Attempts = field(default_factory=Attempts)
    _kept: dict[str, tuple[object, Any]] = field(default_factory=dict)

    def kept(self, name: str, key: object, make: Callable[[], Any]) -> Any:
        """What was made for this key, made anew when the key is another one: of each name the last is kept."""
        there = self._kept.get(name)
        if there is None or there[0] != key:
            there = self._kept[name] = (key, make())
        return there[1]

    @property
    def secure(self) -> bool:
        """Whether browsers come by TLS: cookies are never sent without it then."""
        return self.settings.web.public_url.startswith("https://")

    @property
    def cookie(self) -> str:
        """The name of the session's cookie; the prefix binds it to this host and to TLS."""
        return "__Host-session" if self.secure else "session"

    @property
    def zone(self) -> ZoneInfo:
        """The zone that times are shown in."""
        return ZoneInfo(self.settings.timezone)


def site_of(request: Request) -> Site:
    """The site that a request came to."""
    found = request.app.state.site
    if not isinstance(found, Site):
        raise TypeError("the application was put together without its dashboard")
    return found


def page(
    request: Request, template: str, /, visitor: Visitor | None = None, status: int = 200, **values: Any
) -> HTMLResponse:
    """A page from its template. Viewers see no e-mail address, whatever it stands in."""
    site, language = site_of(request), language_of(request)
    hide = visitor is not None and not may(visitor.role, "operator")
    theme = request.cookies.get("theme", "auto")
    text = _environment(language, hide, site.settings.timezone).get_template(f"{template}.html.j2").render(
        visitor=visitor,
        csrf=visitor.csrf if visitor else "",
        can=lambda role: visitor is not None and may(visitor.role, role),
        theme=theme if theme in THEMES else "auto",
        here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        path=request.url.path,
        now=site.now(),
        web=site.settings.web,
        **values,
    )  # fmt: skip
    return HTMLResponse(text, status)


def voice_of(request: Request) -> Voice:
    """How this browser is spoken to."""
    return Voice(language_of(request), site_of(request).zone)


def language_of(request: Request) -> str:
    """The language that was chosen, else the first one of the browser's that there is."""
    chosen = request.cookies.get("language", "")
    if chosen in LANGUAGES:
        return chosen
    asked = [one.strip()[:2].lower() for one in request.headers.get("accept-language", "").split(",")]
    return next((one for one in asked if one in LANGUAGES), LANGUAGES[0])


@cache
def _environment(language: str, hide: bool, zone: str) -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("reconciler.web.dashboard"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_hiding if hide else _visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    voice = Voice(language, ZoneInfo(zone))
    made.globals.update(
        language=language,
        languages=LANGUAGES,
        say=lambda key, **values: say(voice, key, **values),
        money=voice.money,
        count=voice.count,
        age=voice.age,
        said=voice.sentence,
        told=lambda finding: story.story(finding, voice),
        law=lambda clause, text: story.clause(clause, text, voice),
        pretty=_pretty,
        typed=escape,
        time=lambda value: _time(value, voice),
        day=lambda name: voice.day(date.fromisoformat(name), "format.short"),
        number=voice.number,
        word=lambda prefix, name: _word(voice, prefix, name),
        side=lambda field, value: _side(voice, field, value),
        said_of=lambda name, value: _said_of(voice, name, value),
        schedule=lambda text: _schedule(voice, text),
        asset=assets.address,
    )
    return made


def say(voice: Voice, key: str, /, **values: object) -> str:
    """The dashboard's own text for a key, else the one that it shares with the report."""
    own = f"web.{key}"
    if voice.knows(own):
        return voice.say(own, **values)
    kind, _, name = key.partition(".")
    return voice.title(name) if kind == "kind" else voice.say(key, **values)


def _time(value: str | datetime | None, voice: Voice) -> str:
    """A time on the clock of the zone, with UTC to be read when the pointer is on it."""
    if value is None:
        return NOTHING
    moment = shown.parse(value) if isinstance(value, str) else value
    utc = moment.astimezone(UTC)
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        utc.isoformat(timespec="seconds"), f"{utc:%Y-%m-%d %H:%M:%S}", voice.time(moment.isoformat())
    )


def _word(voice: Voice, prefix: str, name: str) -> str:
    """The text for a word of the program, or the word itself where somebody else has made it."""
    key = f"web.{prefix}.{name}"
    return voice.say(key) if voice.knows(key) else name


def _side(voice: Voice, field: str, value: str | None) -> str | None:
    """What one side says of a field, as people write it."""
    if value is None:
        return None
    if field == "time":
        return _time(value, voice)
    if field == "amount" and _NUMBER.fullmatch(value):
        return voice.number(value)
    return _word(voice, "state", value) if field == "state" else value


def _said_of(voice: Voice, name: str, value: Any) -> Any:
    """What a case said of something before or after it changed."""
    if name == "recommendation" and value is not None:
        return voice.say(f"advice.{value}")
    if name == "due_at":
        return _time(value, voice)
    return voice.number(value) if name in {"amount", "refundable_amount"} else value


def _schedule(voice: Voice, text: str) -> str:
    parsed = schedule.parse(text)
    return say(voice, "schedule.every", n=parsed.minutes) if isinstance(parsed, schedule.Every) else text


def _pretty(value: Any) -> str:
    """A record over several lines; each line is made harmless by itself, so that the breaks between them stay."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2, default=str)
    return Markup("\n").join(escape(shown.clean(line)) for line in text.splitlines())


def _visible(value: Any) -> Any:
    if value is None:
        return NOTHING
    return shown.clean(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _hiding(value: Any) -> Any:
    if isinstance(value, str):
        visible = _visible(value)
        return type(visible)(masked(visible))
    return _visible(value)
