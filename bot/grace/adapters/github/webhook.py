"""Prove that a webhook comes from GitHub: HMAC-SHA-256 over the raw bytes, and nothing less."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

_SIGNATURE: Final = re.compile(r"sha256=([0-9a-f]{64})")
_EVENT: Final = re.compile(r"[a-z][a-z0-9_]{0,59}")
_DELIVERY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")


class WebhookRejected(Exception):
    """A request that is not taken. `status` is the HTTP status to answer with."""

    status = HTTPStatus.BAD_REQUEST

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class HeaderMissing(WebhookRejected):
    """A header of GitHub's is not there, or is not what GitHub sends."""


class SignatureMissing(WebhookRejected):
    """There is no SHA-256 signature."""

    status = HTTPStatus.UNAUTHORIZED


class SignatureWrong(WebhookRejected):
    """The signature is not one that our secret makes over this body."""

    status = HTTPStatus.UNAUTHORIZED


class ContentTypeWrong(WebhookRejected):
    """The body is not sent as JSON."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


@dataclass(frozen=True, slots=True)
class Arrived:
    """What the headers of a proven webhook say."""

    event: str
    delivery_id: str


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """The secrets that may have signed, the current one first; several while one is replaced."""

    values: Sequence[str] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.values or not all(value.strip() for value in self.values):
            raise ValueError(
                "a webhook secret is missing or empty; set the secret of the GitHub App's webhook"
            )


def verify(headers: Mapping[str, str], body: bytes, secrets: WebhookSecrets) -> Arrived:
    """Check the signature before anything else is looked at; raise `WebhookRejected`.

    A SHA-1 signature (`X-Hub-Signature`) is never enough.
    """
    sent = {name.lower(): value for name, value in headers.items()}
    _check_signature(sent, body, secrets)
    media_type = sent.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise ContentTypeWrong(
            "the webhook must send application/json; "
            "set the content type in the GitHub App's webhook settings"
        )
    return Arrived(
        event=_header(sent, "X-GitHub-Event", _EVENT),
        delivery_id=_header(sent, "X-GitHub-Delivery", _DELIVERY),
    )


def _check_signature(sent: Mapping[str, str], body: bytes, secrets: WebhookSecrets) -> None:
    value = sent.get("x-hub-signature-256")
    if value is None:
        old = " (X-Hub-Signature is SHA-1 and is not enough)" if "x-hub-signature" in sent else ""
        raise SignatureMissing(
            f"the header X-Hub-Signature-256 is missing{old}; set a secret for the webhook"
        )
    match = _SIGNATURE.fullmatch(value)
    if match is None:
        raise SignatureWrong("the header X-Hub-Signature-256 is not sha256= and 64 hex digits")
    given = match[1].encode()
    # All are tried, so that the time taken does not tell which one fitted.
    fits = [hmac.compare_digest(given, _digest(secret, body)) for secret in secrets.values]
    if not any(fits):
        raise SignatureWrong(
            "the signature does not fit the body; the webhook's secret here and at GitHub differ"
        )


def _digest(secret: str, body: bytes) -> bytes:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()


def _header(sent: Mapping[str, str], name: str, form: re.Pattern[str]) -> str:
    value = sent.get(name.lower(), "")
    if form.fullmatch(value) is None:
        raise HeaderMissing(f"the header {name} is missing or malformed")
    return value
