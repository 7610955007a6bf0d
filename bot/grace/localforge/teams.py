"""Who is in which team. An organisation is known by its name alone."""

from grace.localforge.core import Core
from grace.localforge.db import Row


def put_in_team(core: Core, team: str, user: Row, state: str) -> None:
    """Put a user into `organisation/team`, made where it is new: active, or invited (pending)."""
    org, _, slug = team.partition("/")
    if not org or not slug:
        raise ValueError(f"a team is written organisation/team, not {team!r}")
    if state not in {"active", "pending"}:
        raise ValueError("state must be active or pending")
    core.db.run(
        "INSERT INTO team_members (org, slug, user_id, state) VALUES (?,?,?,?)"
        " ON CONFLICT (org, slug, user_id) DO UPDATE SET state=excluded.state",
        org,
        slug,
        user["id"],
        state,
    )


def take_from_team(core: Core, team: str, user: Row) -> None:
    """Take a user out of a team."""
    org, _, slug = team.partition("/")
    core.db.run(
        "DELETE FROM team_members WHERE org=? AND slug=? AND user_id=?", org, slug, user["id"]
    )


def membership(core: Core, org: str, slug: str, login: str) -> Row | None:
    """Return the row of somebody's membership, None where there is none."""
    return core.db.one(
        "SELECT m.* FROM team_members m JOIN users u ON u.id=m.user_id"
        " WHERE m.org=? AND m.slug=? AND u.login=?",
        org,
        slug,
        login,
    )
