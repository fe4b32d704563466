"""What must hold between settings, or of a setting's meaning, before anything may start."""

import base64
import binascii
import difflib
import re
import string
import zoneinfo
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from reconciler import schedule
from reconciler.errors import ConfigError
from reconciler.import_columns import COLUMNS, ZONE, mapping_problems
from reconciler.settings import Settings

MIN_RAW_DAYS = 120
"""Card holders have at least that long to dispute a payment (chargebacks fact sheet, filing time)."""

DATABASES = ("sqlite:///", "postgresql+psycopg://")
_UNIT = re.compile(r"[A-Z][A-Z0-9]{1,9}", re.ASCII)
_ISO = re.compile(r"(?!WM)[A-Z]{3}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


def problems(settings: Settings) -> Iterator[str]:
    """A line for each thing that is wrong, beginning with its key; never with a secret."""
    for check in _CHECKS:
        yield from check(settings)


def _timezone(settings: Settings) -> Iterator[str]:
    yield from _zone("timezone", settings.timezone)


def _database(settings: Settings) -> Iterator[str]:
    if not settings.database.url.startswith(DATABASES):
        yield f"[database] url must begin with {' or '.join(DATABASES)}"


def _providers(settings: Settings) -> Iterator[str]:
    digiseller, tribute = settings.providers.digiseller, settings.providers.tribute
    off = "or set enabled = false"
    if digiseller.enabled and digiseller.seller_id < 1:
        yield f"[providers.digiseller] seller_id is missing: set it, {off}"
    if digiseller.enabled and not digiseller.api_key.get_secret_value():
        yield f"[providers.digiseller] api_key is missing: set it or api_key_file, {off}"
    if tribute.enabled and not tribute.api_key.get_secret_value():
        yield f"[providers.tribute] api_key is missing: set it or api_key_file, {off}"
    yield from _web_address("[providers.digiseller] base_url", digiseller.base_url)
    yield from _web_address("[providers.tribute] base_url", tribute.base_url)


def _shop(settings: Settings) -> Iterator[str]:
    shop = settings.shop
    if shop.url.get_secret_value() and shop.directory:
        yield "[shop] url and directory are both given: keep the one where the ledger is"
    if shop.url.get_secret_value() and "://" not in shop.url.get_secret_value():
        yield "[shop] url is no database address: write it as in sqlite:////srv/shop/shop.db"
    queries = (shop.orders_query, shop.accounts_query, shop.payments_query)
    if shop.directory and any(queries):
        yield "[shop] a query needs url: CSV files in directory are read as they are"


def _commands(settings: Settings) -> Iterator[str]:
    commands = settings.shop.commands
    if not commands.url:
        return
    parts = _parts(commands.url)
    if parts is None:
        yield "[shop.commands] url is no web address: write it as in https://shop.example/commands"
    elif parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
        yield "[shop.commands] url must begin with https:// (http:// only on this machine)"
    if not _is_signing_secret(commands.secret.get_secret_value()):
        yield '[shop.commands] secret is missing or wrong: write "whsec_" and then base64, or set secret_file'


def _currency(settings: Settings) -> Iterator[str]:
    for unit, currency in settings.currency.equivalents.items():
        if not _UNIT.fullmatch(unit):
            yield f"[currency] equivalents: {unit!r} is no account unit; write it in capitals as in WMZ"
        if not _ISO.fullmatch(currency):
            yield f"[currency] equivalents: {unit} = {currency!r} is no currency; write three capitals as in USD"


def _policy(settings: Settings) -> Iterator[str]:
    if settings.policy.holidays and not _COUNTRY.fullmatch(settings.policy.holidays):
        yield f'[policy] holidays = {settings.policy.holidays!r}: expected a country of two capitals, such as "RU"'
    if settings.policy.four_eyes and settings.policy.suspension_mode == "auto":
        yield '[policy] four_eyes = true and suspension_mode = "auto", which asks nobody, exclude each other: keep one'


def _schedule(settings: Settings) -> Iterator[str]:
    for name in ("pull", "reconcile", "sweep", "report"):
        try:
            schedule.parse(getattr(settings.schedule, name))
        except ConfigError as error:
            yield f"[schedule] {name} = {error}"


def _web(settings: Settings) -> Iterator[str]:
    web = settings.web
    if web.public_url:
        yield from _web_address("[web] public_url", web.public_url)
    for name, text, blank in (
        ("shop_account_link", web.shop_account_link, "account_id"),
        ("shop_order_link", web.shop_order_link, "order_id"),
    ):
        if text and (_parts(text) is None or _blanks(text) != {blank}):
            yield f"[web] {name} = {text!r}: expected a web address with {{{blank}}} in it, and nothing else in braces"
    for provider, text in web.charge_links.items():
        if provider not in type(settings.providers).model_fields:
            yield f"[web] charge_links: there is no provider {provider!r}"
        elif _parts(text) is None or _blanks(text) != {"ref"}:
            yield f"[web] charge_links: {provider} = {text!r}: expected a web address with {{ref}} in it"


def _alerts(settings: Settings) -> Iterator[str]:
    alerts = settings.alerts
    try:
        schedule.quiet_hours(alerts.quiet_hours)
    except ConfigError as error:
        yield f"[alerts] quiet_hours = {error}"
    for name, urls in (("urls", alerts.urls), ("escalate_urls", alerts.escalate_urls)):
        if any("://" not in url.get_secret_value() for url in urls):
            yield f"[alerts] {name}: one of them is no address such as mailto://… or json://…"
    if alerts.heartbeat_url.get_secret_value():
        yield from _web_address("[alerts] heartbeat_url", alerts.heartbeat_url.get_secret_value())
    if alerts.telegram.chat_ids and not alerts.telegram.token.get_secret_value():
        yield "[alerts.telegram] token is missing: set it or token_file, or empty chat_ids"
    yield from _web_address("[alerts.telegram] api_base", alerts.telegram.api_base)


def _report(settings: Settings) -> Iterator[str]:
    targets = [target.get_secret_value() for target in settings.report.send]
    if any("://" not in target and target != "telegram" for target in targets):
        yield '[report] send: one of them is neither "telegram" nor an address such as mailto://…'
    if "telegram" in targets and not settings.alerts.telegram.chat_ids:
        yield "[report] send names telegram, but [alerts.telegram] chat_ids is empty: set it and token"


def _retention(settings: Settings) -> Iterator[str]:
    least = max(MIN_RAW_DAYS, settings.schedule.initial_days)
    if settings.retention.raw_days < least:
        yield (
            f"[retention] raw_days = {settings.retention.raw_days}: keep at least {least}, "
            "since a chargeback can come that late"
        )


def _imports(settings: Settings) -> Iterator[str]:
    for importer in COLUMNS:
        mapping = getattr(settings.imports, importer)
        yield from mapping_problems(importer, mapping)
        if ZONE in mapping:
            yield from _zone(f"[import.{importer}] {ZONE}", mapping[ZONE])


_CHECKS: tuple[Callable[[Settings], Iterator[str]], ...] = (
    _timezone,
    _database,
    _providers,
    _shop,
    _commands,
    _policy,
    _currency,
    _schedule,
    _web,
    _alerts,
    _report,
    _retention,
    _imports,
)


def _zone(name: str, zone: str) -> Iterator[str]:
    try:
        zoneinfo.ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        close = difflib.get_close_matches(zone, sorted(zoneinfo.available_timezones()), n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]}?" if close else "; write it as in Europe/Moscow"
        yield f"{name} = {zone!r} is unknown{hint}"


def _web_address(name: str, text: str) -> Iterator[str]:
    if _parts(text) is None:
        yield f"{name} is no web address: it must begin with https:// and name a host"


def _parts(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if usable and not re.search(r"\s", text) else None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_signing_secret(secret: str) -> bool:
    try:
        return len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) > 0
    except (binascii.Error, ValueError):
        return False


def _blanks(text: str) -> set[str | None]:
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError:
        return set()
