"""Who is asking: personal tokens, App JWTs, installation tokens, job tokens."""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import jwt

from grace.localforge.core import Core, has_role, iso
from grace.localforge.db import Row
from grace.localforge.errors import ApiError, forbidden, not_found

LEVELS = ("none", "read", "write", "admin")
MAX_JWT_LIFE = timedelta(minutes=11)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts.

    `permissions` is None for people, whose role decides; Apps have both, and people for whom an
    App acts are bound by theirs and by its.
    """

    kind: Literal["anonymous", "user", "app", "installation"]
    user: Row | None = None
    app: Row | None = None
    installation_id: int | None = None
    permissions: Mapping[str, str] | None = None
    repositories: frozenset[int] = frozenset()

    @property
    def name(self) -> str:
        return str(self.user["login"]) if self.user else "anonymous"

    @property
    def caller(self) -> str:
        """Return whose rate limits count: each installation has its own, and so has a person."""
        if self.kind == "installation":
            return f"installation ID {self.installation_id}"
        return f"app {self.name}" if self.kind == "app" else self.name

    @property
    def person(self) -> Row:
        """Return the user that acts; 401 when nobody is signed in."""
        if self.user is None:
            raise ApiError(401, "Requires authentication")
        return self.user


@dataclass(frozen=True, slots=True)
class Grant:
    """What a new token may do; the fields are the token table's columns."""

    kind: Literal["personal", "installation", "job", "authorized"]
    user_id: int
    installation_id: int | None = None
    run_id: int | None = None
    permissions: Mapping[str, str] | None = None
    repositories: tuple[int, ...] | None = None
    expires_at: str | None = None
    app_id: int | None = None


def issue_token(core: Core, grant: Grant) -> str:
    """Store a new token's hash and return the token."""
    prefix = {"personal": "ghp_", "authorized": "ghu_"}.get(grant.kind, "ghs_")
    token = prefix + secrets.token_hex(20)
    core.db.insert(
        "tokens",
        hash=digest(token),
        kind=grant.kind,
        user_id=grant.user_id,
        installation_id=grant.installation_id,
        run_id=grant.run_id,
        permissions_json=None if grant.permissions is None else dict(grant.permissions),
        repositories_json=None if grant.repositories is None else list(grant.repositories),
        expires_at=grant.expires_at,
        app_id=grant.app_id,
    )
    return token


def authenticate(core: Core, header: str | None) -> Actor:
    """Return who an Authorization header stands for; 401 when it stands for nobody."""
    if not header:
        return Actor("anonymous")
    scheme, _, value = header.partition(" ")
    value = value.strip()
    if scheme.lower() == "basic":
        value = _basic_password(value)
    elif scheme.lower() not in {"token", "bearer"}:
        raise ApiError(401, "Bad credentials")
    if value.count(".") == 2:  # noqa: PLR2004 - a JWT has three parts
        return _app_actor(core, value)
    row = core.db.one("SELECT * FROM tokens WHERE hash=?", digest(value))
    if row is None or (row["expires_at"] and row["expires_at"] <= core.now()):
        raise ApiError(401, "Bad credentials")
    user = core.user(row["user_id"])
    if row["kind"] == "personal":
        return Actor("user", user=user)
    if row["kind"] == "authorized":
        return _authorized_actor(core, row, user)
    return _installation_actor(core, row, user)


def job_run_id(core: Core, header: str | None) -> int | None:
    """Return the workflow run whose identity token may be asked for with this header."""
    _, _, value = (header or "").partition(" ")
    row = core.db.one("SELECT * FROM tokens WHERE hash=? AND kind='job'", digest(value.strip()))
    if row is None or "id_token" not in (row["permissions_json"] or {}):
        return None
    return int(row["run_id"])


def _authorized_actor(core: Core, token: Row, user: Row) -> Actor:
    """Return a person for whom an App acts: they may what both of them may."""
    app = core.db.get("apps", token["app_id"])
    covered = core.db.all("SELECT id FROM installations WHERE app_id=?", app["id"])
    allowed = [installed_repositories(core, row["id"]) for row in covered]
    repositories = frozenset[int]().union(*allowed)
    return Actor("user", user, permissions=app["permissions_json"], repositories=repositories)


def _installation_actor(core: Core, token: Row, user: Row) -> Actor:
    installation = core.db.one("SELECT * FROM installations WHERE id=?", token["installation_id"])
    if installation is None:
        raise ApiError(401, "Bad credentials")
    app = core.db.get("apps", installation["app_id"])
    allowed = installed_repositories(core, installation["id"])
    if token["repositories_json"] is not None:
        allowed &= frozenset(token["repositories_json"])
    granted = token["permissions_json"]
    permissions = app["permissions_json"] if granted is None else granted
    return Actor("installation", user, app, installation["id"], permissions, allowed)


def installed_repositories(core: Core, installation_id: int) -> frozenset[int]:
    """Return the ids of the repositories an installation covers."""
    rows = core.db.all(
        "SELECT repository_id FROM installation_repositories WHERE installation_id=?",
        installation_id,
    )
    return frozenset(row["repository_id"] for row in rows)


def _app_actor(core: Core, token: str) -> Actor:
    try:
        issuer = str(jwt.decode(token, options={"verify_signature": False})["iss"])
    except (jwt.PyJWTError, KeyError) as error:
        raise ApiError(401, "A JSON web token could not be decoded") from error
    number = issuer.removeprefix("Iv1.") if issuer.startswith("Iv1.") else issuer
    app = core.db.one("SELECT * FROM apps WHERE id=?", int(number)) if number.isdigit() else None
    if app is None:
        raise ApiError(401, "Integration not found")
    try:
        # Time is checked below, against the forge's clock.
        claims: dict[str, Any] = jwt.decode(
            token,
            app["public_key"],
            algorithms=["RS256"],
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
        expires = datetime.fromtimestamp(int(claims["exp"]), UTC)
    except (jwt.PyJWTError, KeyError, ValueError, TypeError) as error:
        raise ApiError(401, "A JSON web token could not be decoded") from error
    now = core.clock()
    if expires <= now:
        raise ApiError(401, "'Expiration time' claim ('exp') must be a numeric value in the future")
    if expires > now + MAX_JWT_LIFE:
        raise ApiError(401, "'Expiration time' claim ('exp') is too far in the future")
    return Actor("app", user=core.user(app["user_id"]), app=app)


def create_installation_token(
    core: Core, app: Row, installation_id: int, body: dict[str, Any]
) -> tuple[str, Grant]:
    """Issue a token for an hour, narrowed to the asked repositories and permissions."""
    allowed: dict[str, str] = app["permissions_json"]
    wanted: dict[str, str] = body.get("permissions") or allowed
    for name, level in wanted.items():
        if level not in LEVELS or LEVELS.index(level) > LEVELS.index(allowed.get(name, "none")):
            raise ApiError(422, "The permissions requested are not granted to this installation.")
    repositories = _chosen_repositories(core, installation_id, body)
    grant = Grant(
        "installation",
        app["user_id"],
        installation_id,
        permissions=wanted,
        repositories=repositories,
        expires_at=iso(core.clock() + timedelta(hours=1)),
    )
    return issue_token(core, grant), grant


def _chosen_repositories(
    core: Core, installation_id: int, body: dict[str, Any]
) -> tuple[int, ...] | None:
    covered = installed_repositories(core, installation_id)
    names, ids = body.get("repositories"), body.get("repository_ids")
    if names is None and ids is None:
        return None
    chosen = {int(number) for number in ids or ()}
    for repository_id in covered:
        if core.db.get("repositories", repository_id)["name"] in (names or ()):
            chosen.add(repository_id)
    if not chosen <= covered or len(chosen) < len(names or ()):
        raise ApiError(
            422, "There is at least one repository that does not exist or is not accessible."
        )
    return tuple(sorted(chosen))


def require(core: Core, actor: Actor, repo: Row, app_permission: str, role: str) -> None:
    """Refuse an actor who may not do this in a repository.

    `app_permission` is `name:level`, several joined by `|` when one of them is enough.
    """
    if actor.kind == "app":
        raise ApiError(401, "A JSON web token could not be used here; use an installation token")
    if actor.permissions is not None:
        _require_app(actor, repo, app_permission)
    if actor.kind == "installation":
        return
    have = core.role(repo, actor.user)
    if have == "none":
        raise not_found()
    if not has_role(have, role):
        if actor.user is None:
            raise ApiError(401, "Requires authentication")
        raise forbidden("Must have admin rights to Repository." if role == "admin" else PUSH)


def _require_app(actor: Actor, repo: Row, app_permission: str) -> None:
    """Refuse what an App was not given: a repository, or a permission there."""
    if repo["id"] not in actor.repositories:
        if repo["private"]:
            raise not_found()
        if ":read" not in app_permission:
            raise forbidden(INTEGRATION)
        return
    if not any(_covers(actor.permissions or {}, need) for need in app_permission.split("|")):
        raise forbidden(INTEGRATION)


INTEGRATION = "Resource not accessible by integration"
PUSH = "You must have push access to this repository to do this."


def _covers(permissions: Mapping[str, str], need: str) -> bool:
    name, _, level = need.partition(":")
    if name == "metadata" and level == "read":
        return True
    return LEVELS.index(permissions.get(name, "none")) >= LEVELS.index(level)


def can_push(core: Core, actor: Actor, repo: Row) -> bool:
    """Tell whether an actor may write contents."""
    if actor.permissions is not None and not _app_writes(actor, repo):
        return False
    return actor.kind == "installation" or (
        actor.kind == "user" and has_role(core.role(repo, actor.user), "write")
    )


def can_read(core: Core, actor: Actor, repo: Row) -> bool:
    """Tell whether an actor may read contents."""
    if actor.permissions is not None and not _app_reads(actor, repo):
        return False
    return actor.kind == "installation" or (
        actor.kind != "app" and core.role(repo, actor.user) != "none"
    )


def is_admin(core: Core, actor: Actor, repo: Row) -> bool:
    """Tell whether an actor administers a repository, which lets it go around protection."""
    bound = actor.permissions is not None
    return actor.kind == "user" and not bound and core.role(repo, actor.user) == "admin"


def _app_reads(actor: Actor, repo: Row) -> bool:
    covered = repo["id"] in actor.repositories
    return _covers(actor.permissions or {}, "contents:read") if covered else not repo["private"]


def _app_writes(actor: Actor, repo: Row) -> bool:
    covered = repo["id"] in actor.repositories
    return covered and _covers(actor.permissions or {}, "contents:write")


def digest(token: str) -> str:
    """Return what of a secret is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def _basic_password(value: str) -> str:
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ApiError(401, "Bad credentials") from error
    # `https://TOKEN@host` and `https://TOKEN:x-oauth-basic@host` carry the token as the user.
    return user if password in {"", "x-oauth-basic"} else password
