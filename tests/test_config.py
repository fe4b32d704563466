"""The configuration is read from file and variables, and whatever is wrong in it is named before anything starts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from reconciler.config import known_keys, load, masked
from reconciler.errors import ConfigError
from reconciler.settings import Settings

WHOLE = """
timezone = "Asia/Yekaterinburg"

[database]
url = "postgresql+psycopg://recon:db-secret@db.example/recon?sslmode=require"

[providers.digiseller]
enabled = true
base_url = "https://api.digiseller.com/api/"
seller_id = 100001
api_key = "digi-secret"
notification_password = "notice-secret"
sells_per_minute = 3
requests_per_second = 2

[providers.tribute]
api_key = "tribute-secret"
previous_api_key = ""
shop_ids = [1, 2]

[shop]
url = "postgresql+psycopg://reader:shop-secret@shop.example/shop"
orders_query = "SELECT * FROM bought"

[shop.commands]
url = "https://shop.example/commands"
secret = "whsec_c2VjcmV0LXNpZ25pbmcta2V5"

[policy]
grace_minutes = 45
suspension_mode = "auto"
auto_effects = ["suspend", "ban"]

[currency]
equivalents = { WMZ = "USD" }

[schedule]
pull = "every 5 minutes"
sweep = "0 4 * * 7"

[web]
port = 9090
shop_account_link = "https://shop.example/admin/{account_id}"

[alerts]
urls = ["mailto://user:mail-secret@example.com"]
quiet_hours = "23:00-08:00"
heartbeat_url = "https://beat.example/beat-secret"

[alerts.telegram]
token = "1:bot-secret"
chat_ids = [-100]

[report]
languages = ["en", "ru"]
send = ["telegram"]

[ratio]
limit_percent = 0.9

[retention]
raw_days = 500

[import.orders]
order_id = "Number"
"""
SECRETS = ("db-secret", "digi-secret", "notice-secret", "tribute-secret", "shop-secret", "c2VjcmV0", "mail-secret")
ALL_SECRETS = (*SECRETS, "beat-secret", "bot-secret")


@pytest.fixture
def config(tmp_path):
    """Load a text as a config file, with variables."""

    def read(text="", /, **environ):
        path = tmp_path / "config.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(path, environ)

    return read


@pytest.fixture
def refused(config):
    """The message with which a text is refused."""

    def read(text="", /, **environ):
        with pytest.raises(ConfigError) as caught:
            config(text, **environ)
        return str(caught.value)

    return read


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


# Where it is looked for


def test_the_named_file_goes_before_the_variable_and_that_before_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, zone in (("named.toml", "UTC"), ("pointed.toml", "Asia/Tokyo"), ("config.toml", "Asia/Omsk")):
        Path(name).write_text(f'timezone = "{zone}"')
    pointer = {"RECONCILER_CONFIG": "pointed.toml"}
    assert load(Path("named.toml"), pointer).timezone == "UTC"
    assert load(None, pointer).timezone == "Asia/Tokyo"
    assert load(None, {}).timezone == "Asia/Omsk"
    assert load(None, {"RECONCILER_CONFIG": ""}).timezone == "Asia/Omsk"


def test_a_named_file_that_is_not_there_is_an_error_and_no_reason_to_look_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("config.toml").write_text("")
    with pytest.raises(ConfigError, match=r"none\.toml is not there: correct --config"):
        load(Path("none.toml"), {})
    with pytest.raises(ConfigError, match=r"none\.toml is not there: correct RECONCILER_CONFIG"):
        load(None, {"RECONCILER_CONFIG": "none.toml"})


def test_nothing_at_all_says_how_to_begin_unless_defaults_will_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="reconciler init"):
        load(None, {"PATH": "/bin"})
    assert load(None, {}, required=False) == Settings()


def test_variables_alone_are_enough(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    got = load(None, {"RECONCILER_PROVIDERS__TRIBUTE__API_KEY": "k"})
    assert got.providers.tribute.enabled is True
    assert got.providers.tribute.api_key.get_secret_value() == "k"


def test_only_the_named_sections_are_looked_at(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text("[policy]\ngrace_minutes = 5\n[providers.tribute]\nenabled = true\n[other]\nx = 1")
    environ = {"RECONCILER_WEB__PORT": "many", "RECONCILER_CURRENCY__EQUIVALENTS": "{}"}
    got = load(path, environ, only=("policy", "currency"))
    assert (got.policy.grace_minutes, got.currency.equivalents) == (5, {})
    path.write_text("[policy]\ngrace_minuts = 5")
    with pytest.raises(ConfigError, match="grace_minuts"):
        load(path, {}, only=("policy",))


# Variables


def test_variables_replace_what_the_file_says(config):
    got = config(WHOLE, RECONCILER_TIMEZONE="UTC", RECONCILER_POLICY__GRACE_MINUTES="0")
    assert (got.timezone, got.policy.grace_minutes, got.policy.suspension_mode) == ("UTC", 0, "auto")


@pytest.mark.parametrize("text", ["1,2", " 1 , 2 ,", "[1, 2]"])
def test_lists_in_variables_are_json_or_separated_by_commas(config, text):
    assert config(WHOLE, RECONCILER_PROVIDERS__TRIBUTE__SHOP_IDS=text).providers.tribute.shop_ids == (1, 2)


def test_tables_in_variables_are_json(config):
    got = config("", RECONCILER_IMPORT__ORDERS='{"order_id": "No"}', RECONCILER_ALERTS__URLS="")
    assert got.imports.orders == {"order_id": "No"}
    assert got.alerts.urls == ()


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("RECONCILER_IMPORT__ORDERS", "order_id=No", "a table"),
        ("RECONCILER_IMPORT__ORDERS", "[1]", "a table"),
        ("RECONCILER_ALERTS__URLS", '["mailto://', "a list"),
    ],
)
def test_wrong_json_in_a_variable_is_named_without_its_text(refused, name, text, kind):
    message = refused("", **{name: text})
    assert f"{name}: expected {kind} as JSON" in message
    assert "mailto" not in message


def test_every_known_key_can_be_set_by_its_variable(config):
    defaults = masked(Settings())
    environ = {}
    for key in known_keys():
        value = defaults
        for part in key.split("."):
            value = value[part]
        text = value if isinstance(value, str) else json.dumps(value)
        environ["RECONCILER_" + key.upper().replace(".", "__")] = text
    assert config("", **environ) == Settings()


def test_an_unknown_variable_is_an_error_that_names_the_nearest(refused):
    message = refused("", RECONCILER_POLICY__GRACE_MINUTS="5")
    assert "RECONCILER_POLICY__GRACE_MINUTS is no setting" in message
    assert "did you mean RECONCILER_POLICY__GRACE_MINUTES?" in message


def test_variables_of_others_are_none_of_our_business(config):
    assert config("", RECONCILERS_HOME="x", PATH="/bin") == Settings()


# Secrets in files


def test_a_secret_may_stand_in_a_file(config, tmp_path):
    (tmp_path / "key").write_text("  from-file \n")
    got = config(f'[providers.tribute]\napi_key_file = "{tmp_path}/key"')
    assert got.providers.tribute.api_key.get_secret_value() == "from-file"
    got = config("", RECONCILER_PROVIDERS__TRIBUTE__API_KEY_FILE=f"{tmp_path}/key")
    assert got.providers.tribute.api_key.get_secret_value() == "from-file"
    got = config("", RECONCILER_ALERTS__TELEGRAM__TOKEN_FILE=f"{tmp_path}/key")
    assert got.alerts.telegram.token.get_secret_value() == "from-file"


def test_a_variable_replaces_a_secret_file_that_is_not_even_there(config):
    text = '[providers.tribute]\napi_key_file = "/none/at/all"'
    got = config(text, RECONCILER_PROVIDERS__TRIBUTE__API_KEY="k")
    assert got.providers.tribute.api_key.get_secret_value() == "k"


def test_a_secret_given_twice_is_an_error(refused, tmp_path):
    (tmp_path / "key").write_text("b-5ecret")
    message = refused(f'[providers.tribute]\napi_key = "a-5ecret"\napi_key_file = "{tmp_path}/key"')
    assert "[providers.tribute] api_key_file and [providers.tribute] api_key are both given" in message
    name = "RECONCILER_ALERTS__TELEGRAM__TOKEN"
    message += refused("", **{name: "a-5ecret", name + "_FILE": f"{tmp_path}/key"})
    assert f"{name}_FILE and {name} are both given" in message
    assert "5ecret" not in message


def test_an_empty_key_beside_a_secret_file_is_not_given(config, tmp_path):
    (tmp_path / "key").write_text("k")
    got = config(f'[providers.tribute]\napi_key = ""\napi_key_file = "{tmp_path}/key"')
    assert got.providers.tribute.api_key.get_secret_value() == "k"


def test_only_secrets_may_stand_in_files(refused):
    assert "seller_id_file is no setting" in refused('[providers.digiseller]\nseller_id_file = "x"')
    assert "urls_file is no setting" in refused('[alerts]\nurls_file = "x"')


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), (" \n", "is empty"), (b"\xff", "no text")])
def test_a_secret_file_that_gives_no_secret_is_an_error(refused, tmp_path, content, reason):
    if content is not None:
        (tmp_path / "key").write_bytes(content if isinstance(content, bytes) else content.encode())
    message = refused(f'[providers.tribute]\napi_key_file = "{tmp_path}/key"')
    assert "[providers.tribute] api_key_file" in message
    assert reason in message


# What is wrong


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("[policy]\ngrace_minuts = 5", "[policy] grace_minuts is no setting; did you mean grace_minutes?"),
        ('timezon = "UTC"', "timezon is no setting; did you mean timezone?"),
        ("[policee]\ngrace_minutes = 5", "[policee] is no section; did you mean [policy]?"),
        ("[providers.digisseler]\nx = 1", "[providers.digisseler] is no section; did you mean [providers.digiseller]?"),
        ("[imports.orders]\nx = 'y'", "[imports] is no section; did you mean [import]?"),
        ("grace_minutes = 5", "grace_minutes is no setting; did you mean [policy] grace_minutes?"),
        ("[alerts]\ntoken = 'x'", "token is no setting; did you mean [alerts.telegram] token?"),
        ("policy = 5", "policy must be a section: write [policy]"),
    ],
)
def test_unknown_keys_are_errors_that_name_the_nearest(refused, text, hint):
    assert hint in refused(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[web]\nport = "many"', "[web] port = 'many': expected a whole number"),
        ("[web]\nport = 99999", "[web] port = 99999: expected 65535 or less"),
        ("[policy]\ngrace_minutes = -1", "[policy] grace_minutes = -1: expected 0 or more"),
        ("[policy]\ngrace_minutes = 1.5", "[policy] grace_minutes = 1.5: expected a whole number"),
        ("[policy]\nsuspension_mode = 'always'", "expected one of 'propose' or 'auto'"),
        ("[policy]\nauto_effects = ['suspend', 'kill']", "[policy] auto_effects (1) = 'kill': expected one of"),
        ("[ratio]\nlimit_percent = 0", "[ratio] limit_percent = 0: expected more than 0"),
        ("[report]\nweekly = 'often'", "[report] weekly = 'often': expected true or false"),
        ("[report]\nlanguages = []", "[report] languages = []: expected at least 1 of them"),
        ("[alerts]\nquiet_hours = 5", "[alerts] quiet_hours = 5: expected text in quotes"),
        ("[currency]\nequivalents = 5", "[currency] equivalents = 5: expected a table of names and values"),
        ("[providers.tribute]\nshop_ids = 5", "[providers.tribute] shop_ids = 5: expected a list"),
    ],
)
def test_a_wrong_value_is_shown_with_what_is_expected(refused, text, line):
    assert line in refused(text)


def test_a_wrong_value_from_a_variable_names_the_variable(refused):
    assert "RECONCILER_WEB__PORT = 'many': expected a whole number" in refused("", RECONCILER_WEB__PORT="many")


def test_several_errors_are_all_named_each_on_its_line(refused):
    message = refused("tz = 1\n[web]\nport = 'x'\n[policy]\ngrace_minutes = 'y'", RECONCILER_WEB__PRT="1")
    first, *lines = message.splitlines()
    assert first.endswith("4 settings are wrong")
    assert len(lines) == 4
    for part in ("tz is no setting", "[web] port", "[policy] grace_minutes", "RECONCILER_WEB__PRT"):
        assert sum(part in line for line in lines) == 1


@pytest.mark.parametrize(
    "text",
    [
        "[providers.tribute]\napi_key = 123456789",
        "[providers.tribute]\napi_key = ['123456789']",
        "[alerts]\nurls = [123456789]",
        "[shop]\nurl = 123456789",
        "[shop]\nurl = '123456789'",
        "[shop.commands]\nurl = 'https://x.example'\nsecret = '123456789'",
        "[alerts]\nurls = ['123456789']",
        "[alerts]\nheartbeat_url = '123456789'",
        "[report]\nsend = ['123456789']",
        "[database]\nurl = 'mysql://a:123456789@h/d'",
    ],
)
def test_the_value_of_a_wrong_secret_is_never_shown(refused, text):
    assert "123456789" not in refused(text)


def test_wrong_toml_is_named_with_its_line(refused):
    message = refused('timezone = "UTC"\nport = \n')
    assert "config.toml is no TOML" in message
    assert "line 2" in message


def test_a_file_that_is_no_utf8_is_an_error(refused):
    assert "no UTF-8" in refused(b'timezone = "\xff"')


# What does not fit together

OFF = "or set enabled = false"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "[providers.tribute]\nshop_ids = []",
            f"[providers.tribute] api_key is missing: set it or api_key_file, {OFF}",
        ),
        ("[providers.digiseller]\nseller_id = 5", "[providers.digiseller] api_key is missing"),
        ("[providers.digiseller]\napi_key = 'k'", "[providers.digiseller] seller_id is missing"),
        (
            "[providers.tribute]\napi_key = 'k'\nbase_url = 'tribute.tg'",
            "[providers.tribute] base_url is no web address",
        ),
        ("[shop]\nurl = 'sqlite:///a'\ndirectory = 'b'", "[shop] url and directory are both given"),
        ("[shop]\ndirectory = 'b'\norders_query = 'SELECT 1'", "[shop] a query needs url"),
        ("[shop]\nurl = 'shop.db'", "[shop] url is no database address"),
        ("[database]\nurl = 'mysql://h/d'", "[database] url must begin with sqlite:/// or postgresql+psycopg://"),
        ("timezone = 'Europe/Moskow'", "did you mean Europe/Moscow?"),
        ("timezone = '../etc/passwd'", "timezone = '../etc/passwd' is unknown"),
        ("timezone = ''", "timezone = '' is unknown"),
        ("timezone = 'Europe'", "timezone = 'Europe' is unknown"),
        ("[schedule]\npull = 'every minute'", "[schedule] pull = 'every minute': write five crontab fields"),
        ("[schedule]\nsweep = '0 25 * * *'", "[schedule] sweep = '0 25 * * *': '25' is no hour (0 to 23)"),
        ("[alerts]\nquiet_hours = '23-8'", "[alerts] quiet_hours = '23-8': write them as \"23:00-08:00\""),
        ("[currency]\nequivalents = { wmz = 'USD' }", "'wmz' is no account unit"),
        ("[currency]\nequivalents = { WMZ = 'usd' }", "WMZ = 'usd' is no currency"),
        ("[currency]\nequivalents = { WMZ = 'WMR' }", "WMZ = 'WMR' is no currency"),
        ("[retention]\nraw_days = 30", "[retention] raw_days = 30: keep at least 120"),
        ("[retention]\nraw_days = 200\n[schedule]\ninitial_days = 365", "keep at least 365"),
        ("[policy]\nholidays = 'Russia'", "[policy] holidays = 'Russia'"),
        ("[web]\npublic_url = 'recon'", "[web] public_url is no web address"),
        ("[web]\nshop_account_link = 'https://x/{id}'", "expected a web address with {account_id} in it"),
        ("[web]\nshop_order_link = 'https://x/{order_id'", "expected a web address with {order_id} in it"),
        ("[alerts.telegram]\nchat_ids = [5]", "[alerts.telegram] token is missing"),
        ("[report]\nsend = ['telegram']", "[report] send names telegram, but [alerts.telegram] chat_ids is empty"),
    ],
)
def test_settings_that_cannot_work_are_refused(refused, text, line):
    assert line in refused(text)


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "127.9.9.9:1", "[::1]:80"])
def test_commands_may_go_to_this_machine_without_tls(config, host):
    text = f"[shop.commands]\nurl = 'http://{host}/x'\nsecret = 'whsec_c2VjcmV0'"
    assert config(text).shop.commands.url == f"http://{host}/x"


@pytest.mark.parametrize("url", ["http://shop.example/x", "http://127.0.0.1.example/x", "http://10.0.0.1/x"])
def test_commands_go_nowhere_else_without_tls(refused, url):
    text = f"[shop.commands]\nurl = '{url}'\nsecret = 'whsec_c2VjcmV0'"
    assert "[shop.commands] url must begin with https://" in refused(text)


@pytest.mark.parametrize("url", ["ftp://shop.example", "shop.example", "https://", "https://shop.example:port/"])
def test_commands_need_a_web_address(refused, url):
    assert "[shop.commands] url is no web address" in refused(
        f"[shop.commands]\nurl = '{url}'\nsecret = 'whsec_c2VjcmV0'"
    )


def test_commands_need_a_secret_to_be_signed_with(refused):
    for secret in ("", "whsec_", "whsec_not base64!"):
        text = f"[shop.commands]\nurl = 'https://shop.example'\nsecret = '{secret}'"
        assert "[shop.commands] secret is missing or wrong" in refused(text)


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
