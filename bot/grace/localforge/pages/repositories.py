"""Pages of the forge itself, of people and Apps, and of repositories."""

from typing import Final

from aiohttp import web

from grace.localforge.db import Row
from grace.localforge.errors import not_found
from grace.localforge.pages.visit import OWNER, PageRoute, R, Visit
from grace.localforge.routes.contents import list_commits
from grace.localforge.routes.issues import list_issues
from grace.localforge.routes.pulls import list_pulls
from grace.localforge.shapes.repos import full_name

RECENT: Final = 8
MAX_README: Final = 100_000


def _seen(visit: Visit, owner_id: int | None = None) -> list[Row]:
    """Return the repositories that exist for who looks, each with its counts."""
    rows = visit.core.db.all(
        "SELECT r.*, (SELECT count(*) FROM issues i WHERE i.repository_id=r.id AND i.is_pull=0"
        " AND i.state='open') AS issues, (SELECT count(*) FROM issues i WHERE"
        " i.repository_id=r.id AND i.is_pull=1 AND i.state='open') AS pulls"
        " FROM repositories r WHERE ? IS NULL OR r.owner_id=? ORDER BY r.owner, r.name",
        owner_id,
        owner_id,
    )
    return [row for row in rows if visit.core.role(row, visit.user) != "none"]


async def home(visit: Visit) -> web.StreamResponse:
    """List the repositories and who one can be."""
    return visit.page("home.html", repositories=_seen(visit))


async def show_person(visit: Visit) -> web.StreamResponse:
    """Show a person or bot with what they own."""
    user = visit.core.user_named(visit.param("owner"))
    if user is None:
        raise not_found()
    owned = _seen(visit, user["id"])
    return visit.page("person.html", person=user, repositories=owned)


async def show_app(visit: Visit) -> web.StreamResponse:
    """Show an App with its permissions."""
    app = visit.core.db.one("SELECT * FROM apps WHERE slug=?", visit.param("slug"))
    if app is None:
        raise not_found()
    bot = visit.core.user(app["user_id"])
    return visit.page("app.html", app=app, bot=bot)


async def show_repository(visit: Visit) -> web.StreamResponse:
    """Show a repository: what is open, what landed last, and its README."""
    repo = visit.repo
    issues = await visit.ask_all(list_issues)
    tip = await visit.core.git(repo).ref(f"refs/heads/{repo['default_branch']}")
    commits = [] if tip is None else await visit.ask(list_commits, _per_page=RECENT)
    return visit.page(
        "repository.html",
        repo=repo,
        name=full_name(repo),
        issues=[item for item in issues if "pull_request" not in item][:RECENT],
        pulls=(await visit.ask_all(list_pulls))[:RECENT],
        commits=commits,
        readme=await _readme(visit, tip),
    )


async def _readme(visit: Visit, tip: str | None) -> str | None:
    if tip is None:
        return None
    git = visit.core.git(visit.repo)
    entry = await git.entry(tip, "README.md")
    if entry is None or entry.kind != "blob" or (entry.size or 0) > MAX_README:
        return None
    return (await git.blob(entry.sha)).decode(errors="replace")


ROUTES: Final = (
    PageRoute("GET", "/apps/{slug}", show_app),
    PageRoute("GET", OWNER, show_person),
    PageRoute("GET", R, show_repository),
)
