"""Apps, their bot users and their installations, as rows and as webhooks."""

import re
from dataclasses import dataclass
from typing import Final

from grace.localforge.core import ACTIONS_SLUG, Core, Json, node_id
from grace.localforge.db import Row
from grace.localforge.events import Event, enqueue, payload
from grace.localforge.shapes.people import installation_json
from grace.localforge.shapes.repos import full_name

LOGIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})")


@dataclass(frozen=True, slots=True)
class NewApp:
    """What an App's form asks for; permissions are GitHub's names with read or write."""

    name: str
    webhook_url: str
    webhook_secret: str
    public_key_pem: str
    permissions: dict[str, str]
    events: tuple[str, ...]
    callback_urls: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


def new_user(core: Core, login: str, kind: str, *, site_admin: bool = False) -> Row:
    """Make a person or a bot; ValueError when a person's login is none."""
    if kind == "User" and not LOGIN.fullmatch(login):
        raise ValueError(f"{login!r} is no login: letters, digits and hyphens only")
    number = core.db.insert(
        "users", login=login, type=kind, site_admin=int(site_admin), created_at=core.now()
    )
    return core.user(number)


def register_app(core: Core, new: NewApp) -> int:
    """Make an App with its bot and return its id; ValueError when its name is taken."""
    if core.db.one("SELECT 1 FROM apps WHERE slug=?", new.slug):
        raise ValueError(f"there is an App by the name {new.slug} already")
    bot = new_user(core, f"{new.slug}[bot]", "Bot")
    return core.db.insert(
        "apps",
        slug=new.slug,
        name=new.name,
        user_id=bot["id"],
        public_key=new.public_key_pem,
        permissions_json=new.permissions,
        events_json=list(new.events),
        callbacks_json=list(new.callback_urls),
        created_at=core.now(),
        updated_at=core.now(),
    )


def add_hook(core: Core, app_id: int, new: NewApp) -> None:
    """Give an App its webhook."""
    core.db.insert(
        "hooks",
        app_id=app_id,
        url=new.webhook_url,
        secret=new.webhook_secret,
        events_json=list(new.events),
        created_at=core.now(),
        updated_at=core.now(),
    )


def ensure_actions_app(core: Core) -> None:
    """Make the App under which workflow jobs report, unless it is there."""
    if core.db.one("SELECT 1 FROM apps WHERE slug=?", ACTIONS_SLUG) is None:
        permissions = {"contents": "read", "checks": "write", "metadata": "read"}
        register_app(core, NewApp(ACTIONS_SLUG, "", "", "", permissions, ()))


def cover(core: Core, installation_id: int, repositories: list[Row]) -> None:
    """Add repositories to an installation."""
    for repo in repositories:
        core.db.run(
            "INSERT OR IGNORE INTO installation_repositories VALUES (?,?)",
            installation_id,
            repo["id"],
        )


def tell_installation(core: Core, name: str, action: str, number: int, extra: Json) -> None:
    """Tell an App of a change to one of its installations, subscribed or not."""
    row = core.db.get("installations", number)
    body = {"installation": installation_json(core, row), **extra}
    event = Event(name, core.user(row["account_id"]), action=action, body=body)
    for hook in core.db.all("SELECT * FROM hooks WHERE app_id=? AND active=1", row["app_id"]):
        hook["installation_id"] = number
        enqueue(core, hook, event, payload(core, event))


def brief(rows: list[Row]) -> list[Json]:
    """Return repositories as installation events carry them."""
    return [
        {
            "id": row["id"],
            "node_id": node_id("Repository", row["id"]),
            "name": row["name"],
            "full_name": full_name(row),
            "private": bool(row["private"]),
        }
        for row in rows
    ]
