"""Where the configuration comes from: the file that is named or found, variables, and files that hold secrets."""

import json
from pathlib import Path

import pytest

from reconciler.config import known_keys, load, masked
from reconciler.errors import ConfigError
from reconciler.settings import Settings
from tests.config_world import WHOLE, config, refused

__all__ = ["config", "refused"]


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
