"""Teams of an organisation, as far as it matters who is in one."""

from typing import Final

from grace.localforge.api import Call, Reply, Route
from grace.localforge.auth import INTEGRATION
from grace.localforge.errors import forbidden, not_found
from grace.localforge.teams import membership


async def team_membership(call: Call) -> Reply:
    """Return somebody's place in a team; 404 for who has none. An App needs `members: read`."""
    actor = call.actor
    if actor.kind == "installation" and "members" not in (actor.permissions or {}):
        raise forbidden(INTEGRATION)
    org, slug, login = (call.param(name) for name in ("org", "team_slug", "username"))
    row = membership(call.core, org, slug, login)
    if row is None:
        raise not_found()
    page = f"{call.core.api}/organizations/{org}/team/{row['id']}/memberships/{login}"
    return Reply({"url": page, "role": "member", "state": row["state"]})


ROUTES: Final = (
    Route(
        "GET",
        "/orgs/{org}/teams/{team_slug}/memberships/{username}",
        team_membership,
        signed_in=True,
    ),
)
