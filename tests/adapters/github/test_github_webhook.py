"""A webhook is GitHub's only if SHA-256 over its raw bytes says so."""

import hashlib
import hmac
from http import HTTPStatus

import pytest

from grace.adapters.github.webhook import (
    ContentTypeWrong,
    HeaderMissing,
    SignatureMissing,
    SignatureWrong,
    WebhookSecrets,
    verify,
)

# The example of GitHub's page "Validating webhook deliveries".
SECRET, BODY = "It's a Secret to Everybody", b"Hello, World!"
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
SECRETS = WebhookSecrets([SECRET])
HEADERS = {
    "X-Hub-Signature-256": SIGNATURE,
    "Content-Type": "application/json; charset=utf-8",
    "X-GitHub-Event": "issues",
    "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
}


def without(*names: str, **changes: str) -> dict[str, str]:
    kept = {name: value for name, value in HEADERS.items() if name not in names}
    return kept | {name.replace("_", "-"): value for name, value in changes.items()}


def test_githubs_own_example_is_accepted() -> None:
    arrived = verify(HEADERS, BODY, SECRETS)
    assert (arrived.event, arrived.delivery_id) == ("issues", HEADERS["X-GitHub-Delivery"])


def test_header_names_have_no_case() -> None:
    assert verify({k.upper(): v for k, v in HEADERS.items()}, BODY, SECRETS).event == "issues"


def test_old_secret_is_accepted_while_it_is_replaced() -> None:
    assert verify(HEADERS, BODY, WebhookSecrets(["new", SECRET])).event == "issues"


def test_changed_byte_is_refused() -> None:
    with pytest.raises(SignatureWrong, match="differ"):
        verify(HEADERS, BODY + b" ", SECRETS)


def test_other_secret_is_refused() -> None:
    with pytest.raises(SignatureWrong):
        verify(HEADERS, BODY, WebhookSecrets(["other"]))


def test_missing_signature_is_refused() -> None:
    with pytest.raises(SignatureMissing, match="set a secret") as caught:
        verify(without("X-Hub-Signature-256"), BODY, SECRETS)
    assert caught.value.status is HTTPStatus.UNAUTHORIZED


def test_right_sha1_signature_alone_is_refused() -> None:
    sha1 = "sha1=" + hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest()
    with pytest.raises(SignatureMissing, match="SHA-1"):
        verify(without("X-Hub-Signature-256", X_Hub_Signature=sha1), BODY, SECRETS)


@pytest.mark.parametrize(
    "value",
    ["", "sha256=", SIGNATURE.upper(), SIGNATURE[7:], SIGNATURE + "0", "sha256=é" + "0" * 63],
)
def test_malformed_signature_is_refused(value: str) -> None:
    headers = {**HEADERS, "X-Hub-Signature-256": value}
    with pytest.raises(SignatureWrong):
        verify(headers, BODY, SECRETS)


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", ""])
def test_other_content_type_is_refused_with_the_way_out(kind: str) -> None:
    with pytest.raises(ContentTypeWrong, match="application/json") as caught:
        verify({**HEADERS, "Content-Type": kind}, BODY, SECRETS)
    assert caught.value.status is HTTPStatus.UNSUPPORTED_MEDIA_TYPE


@pytest.mark.parametrize("name", ["X-GitHub-Event", "X-GitHub-Delivery"])
@pytest.mark.parametrize("value", [None, "", "a b", "../x", "x" * 200])
def test_missing_or_malformed_header_is_named(name: str, value: str | None) -> None:
    headers = without(name) if value is None else {**HEADERS, name: value}
    with pytest.raises(HeaderMissing, match=name):
        verify(headers, BODY, SECRETS)


@pytest.mark.parametrize("values", [[], [""], ["  "], ["good", ""]])
def test_empty_secret_is_refused_before_any_webhook(values: list[str]) -> None:
    with pytest.raises(ValueError, match="missing or empty"):
        WebhookSecrets(values)


def test_secret_is_not_in_the_repr() -> None:
    assert SECRET not in repr(SECRETS)
