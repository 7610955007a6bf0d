"""Users, Apps, installations, and facts about the forge."""

from typing import Final
from urllib.parse import urlencode

from grace.localforge.api import Call, Reply, Route
from grace.localforge.auth import create_installation_token
from grace.localforge.db import Row
from grace.localforge.deliveries import redeliver
from grace.localforge.errors import forbidden, invalid, not_found
from grace.localforge.limits import resources_json
from grace.localforge.repositories import create_repository
from grace.localforge.shapes.hooks import delivery_json, full_delivery_json
from grace.localforge.shapes.people import app_json, full_user_json, installation_json
from grace.localforge.shapes.repos import repository_json


async def get_me(call: Call) -> Reply:
    """Return who asks; an installation is no user."""
    if call.actor.kind == "installation":
        raise forbidden("Resource not accessible by integration")
    private = ("private_gists", "total_private_repos", "owned_private_repos", "disk_usage")
    shape = full_user_json(call.core, call.user)
    return Reply(
        {
            **shape,
            **dict.fromkeys(private, 0),
            "collaborators": 0,
            "two_factor_authentication": True,
        }
    )


async def get_user(call: Call) -> Reply:
    """Return a user by login."""
    user = call.core.user_named(call.param("login"))
    if user is None:
        raise not_found()
    return Reply(full_user_json(call.core, user))


async def create_my_repository(call: Call) -> Reply:
    """Create a repository for who asks; `auto_init` gives it a first commit."""
    body = call.body("Repository")
    files = {"README.md": f"# {body.text('name')}\n".encode()} if body.flag("auto_init") else {}
    repo = await create_repository(call.core, call.user, body.text("name"), files)
    repo = call.core.db.update(
        "repositories",
        repo["id"],
        private=int(body.flag("private")),
        description=body.optional("description"),
    )
    return Reply(repository_json(call.core, repo, call.user), 201)


async def my_repositories(call: Call) -> Reply:
    """List the repositories that who asks owns or works in."""
    rows = call.core.db.all(
        "SELECT * FROM repositories WHERE owner_id=? OR id IN"
        " (SELECT repository_id FROM collaborators WHERE user_id=?) ORDER BY id",
        call.user["id"],
        call.user["id"],
    )
    return call.page(rows, lambda row: repository_json(call.core, row, call.user))


def _app(call: Call) -> Row:
    app = call.actor.app
    if app is None:
        raise not_found()
    return app


def _installation(call: Call) -> Row:
    row = call.core.db.one(
        "SELECT * FROM installations WHERE id=? AND app_id=?", call.number("id"), _app(call)["id"]
    )
    if row is None:
        raise not_found()
    return row


async def get_app(call: Call) -> Reply:
    """Return the App that asks."""
    return Reply(app_json(call.core, _app(call)))


async def list_installations(call: Call) -> Reply:
    """List the installations of the App that asks."""
    rows = call.core.db.all("SELECT * FROM installations WHERE app_id=?", _app(call)["id"])
    return call.page(rows, lambda row: installation_json(call.core, row))


async def get_installation(call: Call) -> Reply:
    """Return one installation of the App that asks."""
    return Reply(installation_json(call.core, _installation(call)))


async def create_token(call: Call) -> Reply:
    """Issue an installation token for an hour."""
    installation = _installation(call)
    body = call.body("InstallationToken").data
    token, grant = create_installation_token(call.core, _app(call), installation["id"], body)
    shape: dict[str, object] = {
        "token": token,
        "expires_at": grant.expires_at,
        "permissions": dict(grant.permissions or {}),
        "repository_selection": "selected",
    }
    if grant.repositories is not None:
        shape["repositories"] = [
            repository_json(call.core, call.core.db.get("repositories", number))
            for number in grant.repositories
        ]
    return Reply(shape, 201)


async def repository_installation(call: Call) -> Reply:
    """Return the App's installation that covers a repository."""
    row = call.core.db.one(
        "SELECT i.* FROM installations i JOIN installation_repositories r ON r.installation_id=i.id"
        " WHERE i.app_id=? AND r.repository_id=?",
        _app(call)["id"],
        call.repo["id"],
    )
    if row is None:
        raise not_found()
    return Reply(installation_json(call.core, row))


async def installation_repositories(call: Call) -> Reply:
    """List what an installation token reaches."""
    if call.actor.kind != "installation":
        raise forbidden("You must authenticate with an installation access token")
    rows = [call.core.db.get("repositories", i) for i in sorted(call.actor.repositories)]
    return call.page(rows, lambda row: repository_json(call.core, row), "repositories")


_SENT: Final = (
    "SELECT d.* FROM deliveries d JOIN hooks h ON h.id=d.hook_id WHERE h.app_id=? AND d.pending=0"
)
_CURSOR: Final = "v1_"


def _app_delivery(call: Call) -> Row:
    number = call.number("delivery")
    found = call.core.db.all(f"{_SENT} AND d.id=?", _app(call)["id"], number)
    if not found:
        raise not_found()
    return found[0]


async def list_app_deliveries(call: Call) -> Reply:
    """List what was sent to the App's webhook, newest first; `status=failure` filters.

    Pages follow a cursor, not a number: what is delivered meanwhile shifts nothing.
    """
    cursor, size = call.query("cursor"), call.size
    before = cursor.removeprefix(_CURSOR)
    if cursor and not (cursor.startswith(_CURSOR) and before.isascii() and before.isdigit()):
        raise invalid("HookDelivery", "cursor")
    wanted, values = _SENT, [_app(call)["id"]]
    if cursor:
        wanted, values = f"{wanted} AND d.id<?", [*values, int(before)]
    if call.query("status") == "success":
        wanted += " AND d.status_code BETWEEN 200 AND 399"
    if call.query("status") == "failure":
        wanted += " AND d.status_code NOT BETWEEN 200 AND 399"
    rows = call.core.db.all(f"{wanted} ORDER BY d.id DESC LIMIT ?", *values, size + 1)
    headers: dict[str, str] = {}
    if len(rows) > size:
        more = {**call.request.query, "cursor": f"{_CURSOR}{rows[size - 1]['id']}"}
        address = f"{call.core.url}{call.request.path}?{urlencode(more)}"
        headers["Link"] = f'<{address}>; rel="next"'
    return Reply([delivery_json(row) for row in rows[:size]], headers=headers)


async def get_app_delivery(call: Call) -> Reply:
    """Return one delivery to the App's webhook."""
    return Reply(full_delivery_json(_app_delivery(call)))


async def redeliver_app_delivery(call: Call) -> Reply:
    """Send one delivery to the App's webhook again."""
    redeliver(call.core, _app_delivery(call))
    return Reply({}, 202)


async def rate_limit(call: Call) -> Reply:
    """Return what is left of the limits of who asks; asking costs nothing."""
    now = call.core.clock().timestamp()
    return Reply(resources_json(call.core.limits, call.actor.caller, now))


async def meta(call: Call) -> Reply:
    """Say what the forge is."""
    return Reply(
        {
            "verifiable_password_authentication": False,
            "installed_version": "3.18.0",
            "domains": {"website": [call.core.url]},
        }
    )


async def root(call: Call) -> Reply:
    """Answer clients that look for the API."""
    return Reply({"current_user_url": f"{call.core.api}/user"})


ROUTES: Final = (
    Route("GET", "/user", get_me, signed_in=True),
    Route("GET", "/user/repos", my_repositories, signed_in=True),
    Route("POST", "/user/repos", create_my_repository, signed_in=True),
    Route("GET", "/users/{login}", get_user),
    Route("GET", "/app", get_app, jwt=True),
    Route("GET", "/app/installations", list_installations, jwt=True),
    Route("GET", "/app/installations/{id}", get_installation, jwt=True),
    Route("POST", "/app/installations/{id}/access_tokens", create_token, jwt=True),
    Route("GET", "/app/hook/deliveries", list_app_deliveries, jwt=True),
    Route("GET", "/app/hook/deliveries/{delivery}", get_app_delivery, jwt=True),
    Route("POST", "/app/hook/deliveries/{delivery}/attempts", redeliver_app_delivery, jwt=True),
    Route("GET", "/repos/{owner}/{repo}/installation", repository_installation, jwt=True),
    Route("GET", "/installation/repositories", installation_repositories, signed_in=True),
    Route("GET", "/rate_limit", rate_limit),
    Route("GET", "/meta", meta),
    Route("GET", "/", root),
)
