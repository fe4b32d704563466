"""Every source of records; adding a provider is one line here and one folder beside it."""

import time
from collections.abc import Callable
from datetime import datetime

from providers.base import Provider, Receiver, Source
from reconciler.settings import Settings

NAMES: tuple[str, ...] = ("digiseller", "tribute")
"""Every provider that there is, enabled or not."""


def enabled(settings: Settings) -> tuple[str, ...]:
    """The providers that the configuration turns on."""
    return tuple(name for name in NAMES if getattr(settings.providers, name).enabled)


def build_providers(
    settings: Settings, *, now: Callable[[], datetime], sleep: Callable[[float], None] = time.sleep
) -> list[Provider]:
    """The enabled providers, ready to be read."""
    from providers import digiseller, tribute

    build: dict[str, Callable[..., Provider]] = {"digiseller": digiseller.build, "tribute": tribute.build}
    return [build[name](getattr(settings.providers, name), now=now, sleep=sleep) for name in enabled(settings)]


def build_receivers(settings: Settings) -> list[Receiver]:
    """What takes in the enabled providers' webhooks."""
    from providers.digiseller.receiver import DigiSellerReceiver
    from providers.tribute.receiver import TributeReceiver

    build: dict[str, Callable[..., Receiver]] = {"digiseller": DigiSellerReceiver, "tribute": TributeReceiver}
    return [build[name](getattr(settings.providers, name)) for name in enabled(settings)]


def build_shop(settings: Settings, *, now: Callable[[], datetime]) -> Source:
    """The shop's ledger."""
    from providers import shop

    return shop.build(settings.shop, now=now)
