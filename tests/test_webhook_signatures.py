"""Only what a provider signed gets in: vectors, forged shapes, rotation, and the same answer to every forger."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from providers.digiseller.receiver import DigiSellerReceiver
from providers.tribute.receiver import TributeReceiver
from reconciler.settings import DigiSellerSettings, TributeSettings
from reconciler.store.engine import open_store
from reconciler.webhooks import Delivery, Event, Forged, NotJson
from tests.webhook_world import KEY, OLD_KEY, PASSWORD, SAMPLES, Intake, intake, sample_event, signed, stored

VECTORS = json.loads((SAMPLES / "tribute" / "signature_vectors.json").read_text())
BODY = json.dumps(sample_event("shop_order")).encode()
GOOD = signed(BODY)["trbt-signature"]


def tribute(key: str = KEY, previous: str = "") -> TributeReceiver:
    return TributeReceiver(TributeSettings(api_key=SecretStr(key), previous_api_key=SecretStr(previous)))


def delivery(body: bytes, *signatures: bytes) -> Delivery:
    return Delivery("POST", b"", tuple((b"trbt-signature", one) for one in signatures), body)


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda vector: vector["name"])
def test_every_valid_vector_is_let_in_or_is_no_json(vector: dict[str, Any]) -> None:
    given = delivery(vector["body"].encode(), vector["trbt_signature"].encode())
    if vector["name"] == "empty":
        with pytest.raises(NotJson):
            tribute(vector["key"]).accept(given)
    else:
        assert isinstance(tribute(vector["key"]).accept(given), Event)


@pytest.mark.parametrize("vector", VECTORS["invalid"], ids=lambda vector: vector["name"])
def test_no_invalid_vector_is_let_in(vector: dict[str, Any]) -> None:
    given = [] if vector["trbt_signature"] is None else [vector["trbt_signature"].encode()]
    with pytest.raises(Forged):
        tribute(vector["key"]).accept(delivery(vector["body"].encode(), *given))


def test_the_same_event_sent_again_has_the_same_key_though_its_bytes_differ() -> None:
    first, again = (one for one in VECTORS["valid"] if one["name"].startswith("shop_order"))
    keys = [tribute().accept(delivery(one["body"].encode(), one["trbt_signature"].encode())) for one in (first, again)]
    assert keys[0] == keys[1]


def by_key(body: bytes, key: str) -> bytes:
    return signed(body, key)["trbt-signature"].encode()


def _forged_signatures(good: bytes) -> dict[str, tuple[bytes, ...]]:
    """Headers of many shapes that do not sign the body."""
    return {
        "none": (),
        "empty": (b"",),
        "spaces": (b" " * 64,),
        "prefixed": (b"sha256=" + good,),
        "twice": (good, good),
        "good and other": (good, b"0" * 64),
        "in base64": (base64.b64encode(bytes.fromhex(GOOD)),),
        "nul": (good[:-1] + b"\x00",),
        "newline": (good + b"\n",),
        "space before": (b" " + good,),
        "too long": (good + b"0",),
        "not hex": (b"z" * 64,),
        "non-ASCII": ("é".encode() * 32,),
        "latin-1": (b"\xe9" * 64,),
        "full-width": (GOOD.translate({48: 0xFF10}).encode(),),
        "quoted": (b'"' + good + b'"',),
        "list": (good + b"," + good,),
        "zeros": (b"0" * 64,),
        "json": (b'{"a":1}',),
        "huge": (good * 100,),
        "plain digest": (hashlib.sha256(BODY).hexdigest().encode(),),
        "key before": (hashlib.sha256(KEY.encode() + BODY).hexdigest().encode(),),
        "md5": (hashlib.md5(BODY).hexdigest().encode(),),
        "other key": (by_key(BODY, "other"),),
        "empty key": (by_key(BODY, ""),),
        "upper-case key": (by_key(BODY, KEY.upper()),),
        "the signature of nothing": (by_key(b"", KEY),),
    }


def _forged_bodies() -> Iterator[tuple[str, bytes]]:
    """Bodies beside the signed one."""
    parsed = json.loads(BODY)
    yield "written anew", json.dumps(parsed, separators=(",", ":")).encode()
    yield "sorted anew", json.dumps(parsed, sort_keys=True).encode()
    yield "a byte more", BODY + b" "
    yield "a byte less", BODY[:-1]
    yield "with a BOM", b"\xef\xbb\xbf" + BODY
    for place in range(0, len(BODY), max(1, len(BODY) // 41)):
        yield f"byte {place} changed", BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]


def forged_shapes() -> Iterator[tuple[str, tuple[bytes, ...], bytes]]:
    """Two hundred ways to pretend."""
    good = GOOD.encode()
    for name, signatures in _forged_signatures(good).items():
        yield name, signatures, BODY
    for length in range(63):
        yield f"cut to {length}", (good[:length],), BODY
    for place in range(64):
        flipped = "0" if GOOD[place] != "0" else "1"
        yield f"digit {place} changed", ((GOOD[:place] + flipped + GOOD[place + 1 :]).encode(),), BODY
    for name, body in _forged_bodies():
        yield name, (good,), body


FORGED = list(forged_shapes())


def test_two_hundred_forged_shapes_get_the_same_answer_and_leave_nothing(tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path}/s.db")
    assert len(FORGED) >= 200
    with intake(engine) as way:
        answers = {}
        for name, signatures, body in FORGED:
            headers = [(b"trbt-signature", one) for one in signatures]
            answer = way.call("POST", "/webhooks/tribute", content=body, headers=headers)
            answers[name] = (answer.status_code, answer.content)
    assert set(answers.values()) == {(401, b'{"error": "bad_signature"}')}
    assert stored(engine) == []


def test_upper_case_hex_of_the_true_signature_counts_as_the_fact_sheet_says() -> None:
    assert tribute().accept(delivery(BODY, GOOD.upper().encode())).name == "shop_order"


def test_without_a_key_everything_is_refused() -> None:
    for receiver in (tribute(""), tribute(" ")):
        with pytest.raises(Forged):
            receiver.accept(delivery(BODY, signed(BODY, "")["trbt-signature"].encode()))


def test_a_rotation_loses_no_event(tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path}/s.db")
    old = json.dumps(sample_event("new_donation")).encode()
    with intake(engine) as way:
        assert way.post(BODY).status_code == 200
        assert way.post(old, signed(old, OLD_KEY)).status_code == 200
        assert way.post(old, signed(old, "an older one")).status_code == 401
    assert [row["old_key"] for row in stored(engine)] == [False, True]


def notice(name: str) -> Delivery:
    said = json.loads((SAMPLES / "digiseller" / f"notification_{name}.json").read_text())
    if said.get("method") == "GET":
        return Delivery("GET", said["query"].encode(), (), b"")
    return Delivery("POST", b"", (), json.dumps(said).encode())


def digiseller(password: str = PASSWORD) -> DigiSellerReceiver:
    return DigiSellerReceiver(DigiSellerSettings(notification_password=SecretStr(password)))


@pytest.mark.parametrize("name", ["sale_get", "sale_post", "sale_post_strings", "sale_amount_tampered"])
def test_every_form_of_a_sale_notice_is_one_event_about_its_invoice(name: str) -> None:
    assert digiseller().accept(notice(name)) == Event("digiseller", "sale", "sale:190000001", "", "190000001")


def test_a_notice_without_a_true_signature_is_refused() -> None:
    true = json.loads(notice("sale_post").body)
    changed = [
        {"SHA256": ""}, {"SHA256": None}, {"SHA256": true["SHA256"][:-1]}, {"SHA256": "é" * 64}, {"ID_I": 190000002},
        {"ID_D": 2000102}, {"ID_I": "190000001 OR 1"}, {"ID_I": -1}, {"ID_I": [190000001]}, {"ID_D": None},
        {"ID_I": True},
        {"SHA256": hashlib.sha256(b";190000001;2000101").hexdigest()}, {"sha256": true["SHA256"]},
    ]  # fmt: skip
    bodies = [json.dumps(true | change).encode() for change in changed]
    for body in [
        *bodies,
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"ID_I=190000001&ID_D=2000101",
        notice("message_post").body,
    ]:
        with pytest.raises(Forged):
            digiseller().accept(Delivery("POST", b"", (), body))
    for receiver in (digiseller(""), digiseller("other")):
        with pytest.raises(Forged):
            receiver.accept(notice("sale_post"))


def test_a_daemon_that_does_not_take_a_provider_has_no_address_for_it(tmp_path: Path) -> None:
    from tests.builders import settings

    only = settings(providers={"tribute": {"api_key": KEY}})
    way = Intake(open_store(f"sqlite:///{tmp_path}/s.db"), only)
    assert way.call("GET", "/webhooks/digiseller").status_code == 404
    way.desk.stop()
