"""Who sends an alert is proven over its raw bytes, and a doubt is a no."""

import base64
import hashlib
import hmac
from datetime import timedelta

import pytest

from grace.adapters.alerts import Secrets, Unproven
from grace.adapters.alerts.custom import prove_custom
from grace.adapters.alerts.grafana import prove_grafana
from grace.adapters.alerts.pagerduty import prove_pagerduty
from grace.adapters.alerts.sentry import prove_sentry
from grace.adapters.alerts.signatures import check_fresh, check_token, digests_of
from grace.domain.alerting.sources import BearerAuth, GrafanaWords, HmacAuth
from support.alert_calls import NOW, SECRET, SECRETS, call, signature

# RFC 4231, test cases 1, 2 and 6 (whose key is longer than a block of the hash).
VECTORS = [
    (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
]
GRAFANA = GrafanaWords()
STAMP = str(int(NOW.timestamp()))
BODY = b'{"alerts": []}'


@pytest.mark.parametrize(("key", "message", "digest"), VECTORS)
def test_digests_are_those_of_the_standard(key, message, digest):
    secrets = Secrets((b"another", key))
    assert secrets.signed(message, digests_of([digest]))
    assert secrets.signed(message, digests_of([digest.upper()]))
    assert secrets.signed(message, digests_of(["0" * 64, digest]))
    assert not secrets.signed(message + b" ", digests_of([digest]))
    assert not Secrets((b"another",)).signed(message, digests_of([digest]))


def test_secrets_are_several_with_commas_and_never_shown():
    secrets = Secrets.parse(f" new , {SECRET},")
    assert secrets.know(SECRET.encode())
    assert secrets.know(b"new")
    assert not secrets.know(b"")
    assert SECRET not in repr(secrets)


@pytest.mark.parametrize("text", ["", " ", ",", " , "])
def test_an_empty_secret_is_refused(text):
    with pytest.raises(ValueError, match="is empty"):
        Secrets.parse(text)


@pytest.mark.parametrize("word", ["", "00", "g" * 64, "0" * 63, "0" * 65, "٣" * 64])
def test_what_is_no_digest_proves_nothing(word):
    assert digests_of([word]) == ()
    assert not SECRETS.signed(BODY, digests_of([word]))


def basic(name, password):
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "header", [f"Bearer {SECRET}", f"bearer  {SECRET} ", basic("grafana", SECRET)]
)
def test_a_token_or_password_is_taken(header):
    check_token({"authorization": header}, SECRETS)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Bearer",
        "Bearer wrong",
        f"Token {SECRET}",
        SECRET,
        basic(SECRET, "x"),
        "Basic !!!",
        f"Bearer {SECRET}\udcff",
        "Basic \udcff",
    ],
)
def test_another_token_is_refused_without_showing_ours(header):
    with pytest.raises(Unproven) as caught:
        check_token({} if header is None else {"authorization": header}, SECRETS)
    assert SECRET not in caught.value.sentence


def test_grafana_signs_the_body_alone_or_with_a_time():
    prove_grafana(call(BODY, x_grafana_alerting_signature=signature(BODY)), SECRETS, GRAFANA)
    prove_grafana(stamped(STAMP), SECRETS, GRAFANA)
    prove_grafana(call(BODY, authorization=f"Bearer {SECRET}"), SECRETS, GRAFANA)
    own = GrafanaWords(timestamp_header="X-When")
    when = {"x_when": STAMP}
    signed = signature(STAMP.encode() + b":" + BODY)
    prove_grafana(call(BODY, x_grafana_alerting_signature=signed, **when), SECRETS, own)


def stamped(stamp, signed=None, at=NOW):
    digest = signature((signed or stamp).encode("utf-8", "surrogateescape") + b":" + BODY)
    headers = {
        "x_grafana_alerting_signature": digest,
        "x_grafana_alerting_signature_timestamp": stamp,
    }
    return call(BODY, at, **headers)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (stamped(STAMP, at=NOW + timedelta(minutes=6)), "5 minutes"),
        (stamped(STAMP, at=NOW - timedelta(minutes=6)), "5 minutes"),
        (stamped("soon"), "no Unix time"),
        (stamped("-5"), "no Unix time"),
        (stamped("\udcff"), "no Unix time"),
        (stamped(STAMP, signed="1"), "does not fit"),
        (call(BODY, x_grafana_alerting_signature=signature(b"{}")), "does not fit"),
        # A signature that is sent must fit, whatever else is sent.
        (
            call(BODY, x_grafana_alerting_signature="00", authorization=f"Bearer {SECRET}"),
            "does not fit",
        ),
        (call(BODY), "Authorization"),
    ],
)
def test_what_grafana_did_not_sign_now_is_refused(made, words):
    with pytest.raises(Unproven, match=words):
        prove_grafana(made, SECRETS, GRAFANA)


def test_a_time_at_the_edge_of_the_window_is_fresh():
    check_fresh(STAMP, NOW + timedelta(seconds=300))
    with pytest.raises(Unproven):
        check_fresh(STAMP, NOW + timedelta(seconds=301))


def test_sentry_signs_with_the_client_secret():
    prove_sentry(call(BODY, sentry_hook_signature=signature(BODY)), SECRETS)
    with pytest.raises(Unproven, match="missing"):
        prove_sentry(call(BODY), SECRETS)
    with pytest.raises(Unproven, match="client secret"):
        prove_sentry(call(BODY + b" ", sentry_hook_signature=signature(BODY)), SECRETS)


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ("v1={}", True),
        ("v1=" + "0" * 64 + ", v1={}", True),
        ("v0={}", False),
        ("{}", False),
        ("v1=", False),
    ],
)
def test_any_of_pagerdutys_signatures_may_fit(given, fits):
    made = call(BODY, x_pagerduty_signature=given.format(signature(BODY)))
    if fits:
        prove_pagerduty(made, SECRETS)
        return
    with pytest.raises(Unproven, match="no signature fits"):
        prove_pagerduty(made, SECRETS)


def test_pagerduty_without_a_signature_is_refused():
    with pytest.raises(Unproven, match="missing"):
        prove_pagerduty(call(BODY), SECRETS)


def test_a_custom_source_proves_itself_as_the_configuration_says():
    bearer = BearerAuth(kind="bearer", secret_env="X")
    prove_custom(call(BODY, authorization=f"Bearer {SECRET}"), SECRETS, bearer)
    auth = HmacAuth(kind="hmac", secret_env="MY_KEY", header="X-Sign", prefix="sha256=")
    prove_custom(call(BODY, x_sign="sha256=" + signature(BODY)), SECRETS, auth)
    for headers, words in [
        ({}, "X-Sign is missing"),
        ({"x_sign": signature(BODY)}, "does not begin with 'sha256='"),
        ({"x_sign": "sha256=" + "0" * 64}, "MY_KEY"),
    ]:
        with pytest.raises(Unproven, match=words):
            prove_custom(call(BODY, **headers), SECRETS, auth)


def test_a_custom_signature_may_be_base64():
    auth = HmacAuth(kind="hmac", secret_env="X", header="X-Sign", encoding="base64")
    raw = hmac.new(SECRET.encode(), BODY, hashlib.sha256).digest()
    prove_custom(call(BODY, x_sign=base64.b64encode(raw).decode()), SECRETS, auth)
    for wrong in ("", "!!", "é", base64.b64encode(raw[:-1]).decode()):
        with pytest.raises(Unproven):
            prove_custom(call(BODY, x_sign=wrong), SECRETS, auth)
