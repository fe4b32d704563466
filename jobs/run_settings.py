"""The part of the configuration that a result rests on: kept with each run, and taken again when it is recomputed."""

from typing import Any

from pydantic import ValidationError

from providers import NAMES, enabled
from reconciler.audit import canonical
from reconciler.settings import Currency, PolicySettings, Ratio, Settings

HARMLESS = {"suspension_mode": "propose"}
"""What is recomputed decides nothing by itself."""


def text(settings: Settings) -> str:
    """The settings that judging goes by, as one text; no secret is among them."""
    said = settings.model_dump(mode="json", include={"timezone", "policy", "currency", "ratio"})
    return canonical({**said, "enabled": list(enabled(settings))})


def as_then(settings: Settings, said: dict[str, Any]) -> Settings | None:
    """The configuration as it was for a run; None where this program does not understand it any more."""
    providers = {
        name: getattr(settings.providers, name).model_copy(update={"enabled": name in said["enabled"]})
        for name in NAMES
    }
    try:
        changed = {
            "timezone": said["timezone"],
            "policy": PolicySettings(**said["policy"] | HARMLESS),
            "currency": Currency(**said["currency"]),
            "ratio": Ratio(**said["ratio"]),
            "providers": settings.providers.model_copy(update=providers),
        }
    except ValidationError:
        return None
    return settings.model_copy(update=changed)
