"""The configuration is read whole, and shown without its secrets."""

import json
import os
import subprocess
import sys

import pytest
from pydantic import SecretStr

from reconciler.config import known_keys, masked
from reconciler.settings import Settings
from tests.config_world import ALL_SECRETS, WHOLE, config, refused

__all__ = ["config", "refused"]


def test_a_whole_file_is_read(config):
    got = config(WHOLE)
    assert got.timezone == "Asia/Yekaterinburg"
    assert got.providers.digiseller.api_key.get_secret_value() == "digi-secret"
    assert got.providers.tribute.enabled is True
    assert got.providers.tribute.shop_ids == (1, 2)
    assert got.policy.auto_effects == ("suspend", "ban")
    assert got.currency.equivalents == {"WMZ": "USD"}
    assert got.imports.orders == {"order_id": "Number"}


def test_an_empty_file_means_the_defaults_with_every_provider_off(config):
    got = config("")
    assert got == Settings()
    assert (got.providers.digiseller.enabled, got.providers.tribute.enabled) == (False, False)


def test_a_mark_at_the_start_of_the_file_does_no_harm(config):
    assert config(b"\xef\xbb\xbf" + b'timezone = "UTC"').timezone == "UTC"


# Showing it


def test_the_settings_in_effect_are_shown_without_a_secret(config):
    settings = config(WHOLE)
    shown = json.dumps(masked(settings))
    for secret in ALL_SECRETS:
        assert secret not in shown
        assert secret not in repr(settings)
    assert masked(settings)["providers"]["tribute"]["api_key"] == "***"
    assert masked(settings)["providers"]["tribute"]["previous_api_key"] == ""
    assert masked(settings)["alerts"]["urls"] == ["***"]
    assert masked(settings)["import"]["orders"] == {"order_id": "Number"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("sqlite:////srv/shop.db", "sqlite:////srv/shop.db"),
        ("postgresql+psycopg://u:p@ss/word@h:5/d?password=x", "postgresql+psycopg://***@h:5/d"),
        ("postgresql+psycopg://h/d?password=p@ss", "postgresql+psycopg://***"),
        ("postgresql+psycopg://u:p?q@h/d", "postgresql+psycopg://***"),
        ("mysql://h/d", "mysql://h/d"),
    ],
)
def test_an_address_is_shown_without_user_password_and_options(url, shown):
    settings = Settings().model_copy(update={"shop": Settings().shop.model_copy(update={"url": SecretStr(url)})})
    assert masked(settings)["shop"]["url"] == shown


def test_every_known_key_is_shown():
    shown = masked(Settings())
    for key in known_keys():
        section, _, name = key.rpartition(".")
        table = shown
        for part in section.split(".") if section else ():
            table = table[part]
        assert name in table
    assert "providers.digiseller.api_key" in known_keys()
    assert "import.chargebacks" in known_keys()


def test_reading_the_configuration_loads_nothing_heavy():
    code = "import sys, reconciler.config; print(*sys.modules)"
    environ = {"PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert not {"pandas", "sqlalchemy", "httpx", "apscheduler", "duckdb", "apprise"} & set(done.stdout.split())
