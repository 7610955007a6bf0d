"""Users, Apps and installations."""

from typing import Final

from grace.localforge.core import Core, Json, node_id
from grace.localforge.db import Row
from grace.localforge.gitrepo import Identity

NOREPLY = "users.noreply.localforge.invalid"
FORGE_EMAIL = "noreply@localforge.invalid"
# The account under which GitHub itself commits; it has the same id and name on every GitHub.
WEB_FLOW: Final[Row] = {"id": 19864447, "login": "web-flow", "type": "User", "site_admin": 0}


def identity(core: Core, user: Row) -> Identity:
    """Return a user as author of a commit made now."""
    return Identity(user["login"], email(user), core.clock())


def web_flow(core: Core) -> Identity:
    """Return the forge itself as committer, as GitHub does for commits made through its API."""
    return Identity("Local Forge", FORGE_EMAIL, core.clock())


def email(user: Row) -> str:
    """Return the address under which a user commits."""
    return f"{user['id']}+{user['login']}@{NOREPLY}"


def user_by_email(core: Core, address: str) -> Row | None:
    """Return the user whose noreply address this is; the forge's own is that of `web-flow`."""
    if address == FORGE_EMAIL:
        return WEB_FLOW
    number, _, rest = address.partition("+")
    if not rest.endswith(f"@{NOREPLY}") or not number.isdigit():
        return None
    return core.db.one("SELECT * FROM users WHERE id=?", int(number))


def user_json(core: Core, user: Row) -> Json:
    """Return a simple user."""
    login, url = user["login"], f"{core.api}/users/{user['login']}"
    return {
        "login": login,
        "id": user["id"],
        "node_id": node_id("User", user["id"]),
        "avatar_url": f"{core.url}/avatars/{user['id']}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{core.url}/{login}",
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": user["type"],
        "site_admin": bool(user["site_admin"]),
    }


def full_user_json(core: Core, user: Row) -> Json:
    """Return a user with profile and counts."""
    owned = core.db.scalar("SELECT count(*) FROM repositories WHERE owner_id=?", user["id"])
    empty = ("name", "company", "location", "hireable", "bio", "twitter_username")
    return {
        **user_json(core, user),
        **dict.fromkeys(empty),
        "blog": "",
        "email": email(user),
        "public_repos": owned,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": user["created_at"],
        "updated_at": user["created_at"],
    }


def app_json(core: Core, app: Row) -> Json:
    """Return an App; its owner is its own bot user."""
    return {
        "id": app["id"],
        "client_id": f"Iv1.{app['id']}",
        "slug": app["slug"],
        "node_id": node_id("App", app["id"]),
        "owner": user_json(core, core.user(app["user_id"])),
        "name": app["name"],
        "description": None,
        "external_url": core.url,
        "html_url": f"{core.url}/apps/{app['slug']}",
        "created_at": app["created_at"],
        "updated_at": app["updated_at"],
        "permissions": app["permissions_json"],
        "events": app["events_json"],
        "installations_count": core.db.scalar(
            "SELECT count(*) FROM installations WHERE app_id=?", app["id"]
        ),
    }


def installation_json(core: Core, installation: Row) -> Json:
    """Return an App's installation on an account."""
    app = core.db.get("apps", installation["app_id"])
    url = f"{core.api}/app/installations/{installation['id']}"
    return {
        "id": installation["id"],
        "node_id": node_id("Installation", installation["id"]),
        "client_id": f"Iv1.{app['id']}",
        "account": user_json(core, core.user(installation["account_id"])),
        "repository_selection": "selected",
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{core.api}/installation/repositories",
        "html_url": f"{core.url}/settings/installations/{installation['id']}",
        "app_id": app["id"],
        "app_slug": app["slug"],
        "target_id": installation["account_id"],
        "target_type": "User",
        "permissions": app["permissions_json"],
        "events": app["events_json"],
        "created_at": installation["created_at"],
        "updated_at": installation["updated_at"],
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": None,
        "suspended_at": None,
    }


def association(core: Core, repo: Row, user: Row) -> str:
    """Return what a user is to a repository: `author_association`."""
    if user["id"] == repo["owner_id"]:
        return "OWNER"
    if core.db.one(
        "SELECT 1 FROM collaborators WHERE repository_id=? AND user_id=?", repo["id"], user["id"]
    ):
        return "COLLABORATOR"
    merged = core.db.one(
        "SELECT 1 FROM pulls p JOIN issues i ON i.id=p.issue_id"
        " WHERE p.repository_id=? AND p.merged=1 AND i.user_id=?",
        repo["id"],
        user["id"],
    )
    return "CONTRIBUTOR" if merged else "NONE"
