"""Whatever is wrong in the configuration is named before anything starts, and no secret is shown."""

import pytest

from tests.config_world import config, refused

__all__ = ["config", "refused"]


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
