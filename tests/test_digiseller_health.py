"""What `doctor` says about DigiSeller, and that secrets are said nowhere."""

import json
import logging
from datetime import timedelta

import httpx
import pytest
import respx

from reconciler.errors import NeedsOperator, Retryable
from tests.digiseller_desk import DAY, Desk, sample

SELLS, LOGIN = "/api/seller-sells/v2", "/api/apilogin"


@pytest.fixture
def desk():
    with Desk() as desk:
        yield desk


def test_secrets_stay_out_of_errors_logs_and_representations(desk, caplog):
    caplog.set_level(logging.DEBUG)
    desk.pull()
    (token,) = desk.sim._tokens
    key = desk.sim.api_key
    said = []
    leak = {"retval": 9, "retdesc": f"bad token={token} {token} key {key}"}
    for fault in ({"status": 200, "body": leak}, {"status": 500}, {"status": 403, "body": leak}):
        desk.sim.fault(SELLS, "status", 99, **fault)
        with pytest.raises((Retryable, NeedsOperator)) as caught:
            desk.pull()
        said.append(f"{caught.value} {caught.value.__cause__}")
        desk.sim.clear_faults()
    desk.sim.fault(SELLS, "reset", 99)
    with pytest.raises(Retryable) as caught:
        desk.pull()
    said += [str(caught.value), repr(desk.provider), repr(desk.provider._client), caplog.text]
    everything = " ".join(said)
    assert not any(secret in everything for secret in [token, key, *desk.sim._tokens])


def test_a_cut_log_in_does_not_show_its_token(desk):
    start = json.dumps({"retval": 0, "token": "0F1E2D3C4B5A69788796A5B4C3D2E1F0"})[:-8]
    with respx.mock(base_url="http://127.0.0.1:9") as web:
        web.post("/api/apilogin").mock(return_value=httpx.Response(200, text=start))
        provider = desk.build(base_url="http://127.0.0.1:9/api/")
        with pytest.raises(Retryable) as caught:
            list(provider.feeds()[0].fetch(DAY))
        provider.close()
    assert "0F1E" not in str(caught.value)


def lines(provider):
    return {line.name: line for line in provider.check()}


def test_doctor_looks_at_log_in_clock_and_every_right(desk):
    found = lines(desk.provider)
    states = {name: line.state for name, line in found.items() if "clock" not in name}
    assert states == {
        "DigiSeller log-in": "ok",
        "DigiSeller sales (right 'Statistics')": "ok",
        "DigiSeller operations (right 'Operations')": "ok",
        "DigiSeller chats (right 'Correspondence with buyers')": "ok",
    }
    assert {call.method for call in desk.sim.calls} == {"GET", "POST"}


def test_doctor_tells_a_missing_right_from_the_others(desk):
    desk.sim.switches.forbidden = ("sellers/account",)
    found = lines(desk.provider)
    bad = found["DigiSeller operations (right 'Operations')"]
    assert (bad.state, found["DigiSeller sales (right 'Statistics')"].state) == ("failed", "ok")
    assert "view all operations" in bad.advice


def test_doctor_stops_at_a_wrong_key(desk):
    provider = desk.build(api_key="WRONG")
    found = list(provider.check())
    provider.close()
    assert [(line.name, line.state) for line in found] == [("DigiSeller log-in", "failed")]
    assert "api_key" in found[0].advice


def test_doctor_tells_maintenance_from_a_wrong_key(desk):
    desk.sim.fault(LOGIN, "html", 99)
    found = list(desk.provider.check())
    assert (found[0].state, "maintenance" in found[0].advice) == ("failed", True)


@pytest.mark.parametrize(("off_s", "state"), [(0, "ok"), (121, "warning"), (-3600, "warning")])
def test_doctor_compares_clocks_by_the_date_header(desk, off_s, state):
    with respx.mock(base_url="http://127.0.0.1:9", assert_all_called=False) as web:
        date = (desk.now + timedelta(seconds=off_s)).strftime("%a, %d %b %Y %H:%M:%S GMT")
        web.post("/api/apilogin").mock(
            return_value=httpx.Response(200, json=sample("apilogin_ok.json"), headers={"Date": date})
        )
        web.route().mock(return_value=httpx.Response(403))
        provider = desk.build(base_url="http://127.0.0.1:9/api/")
        assert lines(provider)["DigiSeller clock"].state == state
        provider.close()
