"""The key of Tribute and the check: who may read, where the key is never seen, and what `doctor` says of it all."""

import logging
from datetime import timedelta

import httpx
import pytest
import respx

from providers.tribute import build
from reconciler.errors import ConfigError, NeedsOperator, Retryable
from reconciler.settings import TributeSettings
from tests.tribute_world import KEY, NOW, ORDERS, SHOPS, SITE, World, error_sample, paid, provider_for, world

__all__ = ["paid", "world"]


def checks(world: World) -> dict[str, tuple[str, str]]:
    return {check.name: (check.state, check.message) for check in world.provider.check()}


# The key


def test_the_key_travels_in_its_own_header_alone(paid):
    paid.pull()
    assert {call.headers["api-key"] for call in paid.simulator.calls} == {KEY}
    assert not any("authorization" in call.headers for call in paid.simulator.calls)
    assert not any(KEY in call.path + str(call.query) for call in paid.simulator.calls)


@pytest.mark.parametrize("shape", ["shop", "creator"])
def test_a_wrong_key_needs_an_operator_in_either_shape_of_refusal(paid, shape):
    paid.simulator.switches.errors = shape
    paid.simulator.api_key = "rotated"
    with pytest.raises(NeedsOperator, match=r"401 \(error_not_permitted\).*\[providers\.tribute\] api_key") as caught:
        paid.pull()
    assert "\n" not in str(caught.value)
    assert len(paid.simulator.calls) == 1


def test_a_missing_right_needs_an_operator(paid):
    status, body = error_sample("shop_403_no_access.json")
    paid.simulator.fault(SHOPS, "status", status=status, body=body)
    with pytest.raises(NeedsOperator, match=r"403 \(no_access\).*\[providers\.tribute\] api_key"):
        paid.pull()


def test_a_shop_that_vanishes_while_it_is_read_needs_an_operator(paid):
    status, body = error_sample("shop_404_order.json")
    paid.simulator.fault(ORDERS, "status", status=status, body=body)
    with pytest.raises(NeedsOperator, match="404"):
        paid.pull()


@pytest.mark.parametrize("status", [302, 400, 409, 418])
def test_a_refusal_that_trying_again_cannot_mend_is_not_tried_again(paid, status):
    paid.simulator.fault(SHOPS, "status", times=9, status=status, body={"error": "error_bad_request"})
    with pytest.raises(NeedsOperator, match=rf"{status} \(error_bad_request\)"):
        paid.pull()
    assert len(paid.simulator.calls) == 1


@pytest.mark.parametrize("key", ["", "  ", "two words", "line\nbreak", "ключ"])
def test_a_key_that_no_header_can_carry_is_a_fault_of_the_configuration(key):
    with pytest.raises(ConfigError, match=r"\[providers\.tribute\] api_key") as caught:
        build(TributeSettings(api_key=key), now=lambda: NOW)
    assert not key.strip() or key.strip() not in str(caught.value)


def test_the_message_of_a_refusal_is_not_repeated(paid):
    body = {"error": f"Error {KEY}", "message": f"the key {KEY} is wrong"}
    paid.simulator.fault(SHOPS, "status", status=401, body=body)
    with pytest.raises(NeedsOperator) as caught:
        paid.pull()
    assert KEY not in str(caught.value)


def test_the_key_is_nowhere_to_be_read(paid, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    pulled = paid.pull()
    paid.simulator.fault(ORDERS, "reset", times=9)
    with pytest.raises(Retryable) as caught:
        paid.pull()
    told = [caplog.text, str(capfd.readouterr()), str(caught.value), repr(pulled), repr(paid.provider._client._http)]
    assert not any(KEY in text for text in told)


# The check


def test_a_healthy_account_is_all_ok(paid):
    assert {state for state, _ in checks(paid).values()} == {"ok"}


def test_a_clock_that_is_minutes_off_fails_the_check(paid):
    paid.simulator.now = lambda: NOW + timedelta(minutes=3)
    assert checks(paid)["tribute clock"] == ("failed", "this machine and Tribute differ by 180 s")


@pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}])
def test_an_answer_without_a_date_leaves_the_clock_unsure(headers):
    with respx.mock(base_url=SITE) as site:
        site.get("/shops").mock(return_value=httpx.Response(200, json=[{"id": 1}], headers=headers))
        site.get("/physical/orders").respond(404)
        provider = build(TributeSettings(base_url=SITE, api_key=KEY), now=lambda: NOW)
        assert [check.state for check in provider.check()] == ["ok", "ok", "warning"]
        provider.close()


def test_a_wrong_key_fails_the_check_in_one_line(paid):
    paid.simulator.api_key = "rotated"
    ((state, message),) = checks(paid).values()
    assert state == "failed"
    assert "[providers.tribute] api_key" in message


def test_a_provider_that_is_down_fails_the_check(paid):
    paid.simulator.fault(SHOPS, "html", times=99)
    ((state, message),) = checks(paid).values()
    assert state == "failed"
    assert "503" in message


def test_a_configured_shop_that_is_not_there_fails_the_check(paid):
    provider = provider_for(paid.simulator, [], shop_ids=(9,))
    (check,) = provider.check()
    assert (check.state, "shop_ids names 9" in check.message) == ("failed", True)
    provider.close()


def test_an_account_without_shops_is_warned_about(paid):
    paid.simulator.shops = []
    assert checks(paid)["tribute shops"][0] == "warning"
