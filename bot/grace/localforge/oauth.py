"""Signing in with an App: its client credentials, and codes that become user tokens.

The web flow as GitHub documents it for Apps, with PKCE (RFC 7636, S256 alone). A code is used once
and within ten minutes.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hmac import compare_digest
from typing import Final

from grace.localforge.auth import Grant, digest, issue_token
from grace.localforge.core import Core, Json, iso
from grace.localforge.db import Row

CODE_LIFE: Final = timedelta(minutes=10)
CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
PREFIX: Final = "Iv1."
TROUBLE: Final = "https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps"
DENIED: Final = {
    "error": "access_denied",
    "error_description": "The user has denied your application access.",
    "error_uri": f"{TROUBLE}/troubleshooting-authorization-request-errors/#access-denied",
}


class Refusal(Exception):
    """What the token endpoint refuses; `code` is GitHub's word for it."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description

    def body(self) -> Json:
        """Return the answer as GitHub shapes it; its status is 200."""
        where = f"{TROUBLE}/troubleshooting-oauth-app-access-token-request-errors"
        page = f"{where}/#{self.code.replace('_', '-')}"
        return {"error": self.code, "error_description": self.description, "error_uri": page}


class BadRequest(Exception):
    """An authorization request that is shown to the person and never sent on."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """What an App asks of a person: to be sent back to `redirect_uri` with a code."""

    app: Row
    redirect_uri: str
    state: str | None
    challenge: str | None


def client_id(app_id: int) -> str:
    """Return the public name under which an App asks people to sign in."""
    return f"{PREFIX}{app_id}"


def new_secret(core: Core, app_id: int) -> str:
    """Give an App a new client secret, store its hash and return it, this once."""
    secret = secrets.token_hex(20)
    core.db.update("apps", app_id, secret_hash=digest(secret))
    return secret


def read_request(core: Core, query: Mapping[str, str]) -> Authorization:
    """Read an authorization request; BadRequest with a sentence where it cannot be trusted."""
    app = _app(core, query.get("client_id", ""))
    if app is None:
        raise BadRequest("There is no App by this client_id.")
    registered: list[str] = app["callbacks_json"]
    if not registered:
        raise BadRequest("This App has no callback URL, so nobody can sign in with it.")
    redirect_uri = query.get("redirect_uri") or registered[0]
    if redirect_uri not in registered:
        raise BadRequest("The redirect_uri MUST match the registered callback URL of this App.")
    challenge = query.get("code_challenge") or None
    if challenge is not None:
        if query.get("code_challenge_method") != "S256":
            raise BadRequest("code_challenge_method must be S256.")
        if not CHALLENGE.fullmatch(challenge):
            raise BadRequest("code_challenge must be the base64url of a SHA-256, 43 characters.")
    return Authorization(app, redirect_uri, query.get("state"), challenge)


def issue_code(core: Core, asked: Authorization, user: Row) -> str:
    """Store a new code's hash and return the code; codes that ran out are dropped."""
    code = secrets.token_hex(10)
    core.db.run("DELETE FROM oauth_codes WHERE expires_at<=?", core.now())
    core.db.insert(
        "oauth_codes",
        hash=digest(code),
        app_id=asked.app["id"],
        user_id=user["id"],
        redirect_uri=asked.redirect_uri,
        challenge=asked.challenge,
        expires_at=iso(core.clock() + CODE_LIFE),
    )
    return code


def exchange(core: Core, form: Mapping[str, str]) -> Json:
    """Return a user token for a code, which is spent by any try with its App's credentials.

    Raises Refusal: who asks is not the App, or the code is not for it, spent, late or unproven.
    """
    app = _app(core, form.get("client_id", ""))
    stored = app and app["secret_hash"]
    if not stored or not compare_digest(digest(form.get("client_secret", "")), stored):
        message = "The client_id and/or client_secret passed are incorrect."
        raise Refusal("incorrect_client_credentials", message)
    number = app["id"] if app else 0
    spent = digest(form.get("code", ""))
    row = core.db.one("SELECT * FROM oauth_codes WHERE hash=? AND app_id=?", spent, number)
    if row is None or core.db.run("DELETE FROM oauth_codes WHERE hash=?", spent) == 0:
        raise _bad_code()
    if form.get("redirect_uri", row["redirect_uri"]) != row["redirect_uri"]:
        message = "The redirect_uri MUST match the registered callback URL for this application."
        raise Refusal("redirect_uri_mismatch", message)
    unproven = row["challenge"] and not _proves(form.get("code_verifier", ""), row["challenge"])
    if row["expires_at"] <= core.now() or unproven:
        raise _bad_code()
    token = issue_token(core, Grant("authorized", row["user_id"], app_id=number))
    return {"access_token": token, "token_type": "bearer", "scope": ""}


def _bad_code() -> Refusal:
    return Refusal("bad_verification_code", "The code passed is incorrect or expired.")


def _proves(verifier: str, challenge: str) -> bool:
    hashed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    return compare_digest(hashed.rstrip(b"=").decode(), challenge)


def _app(core: Core, client: str) -> Row | None:
    number = client.removeprefix(PREFIX)
    if client == number or not number.isascii() or not number.isdigit() or len(number) > 18:  # noqa: PLR2004 - SQLite's integers
        return None
    return core.db.one("SELECT * FROM apps WHERE id=?", int(number))
