"""One request for a page: who looks, what they may ask of the API, how a page is answered."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from json import dumps
from typing import Any, Final

import jinja2
from aiohttp import web

from grace.localforge.api import Call, Handler, Route, carry_out
from grace.localforge.auth import Actor
from grace.localforge.core import Core, Json, has_role
from grace.localforge.db import Row
from grace.localforge.errors import not_found
from grace.localforge.pages.sessions import Sessions, Visitor

PAGE: Final = 100
Form = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Question:
    """What a page asks of an API operation, in place of an HTTP request."""

    match_info: Mapping[str, str]
    query: Mapping[str, str]
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Site:
    """What all pages share."""

    core: Core
    templates: jinja2.Environment
    sessions: Sessions
    operations: Mapping[Handler, Route]


@dataclass(slots=True)
class Visit:
    """A request for a page; `form` holds what was posted, its token checked already."""

    site: Site
    request: web.Request
    visitor: Visitor
    form: Form
    form_targets: tuple[str, ...] = ()

    @property
    def core(self) -> Core:
        return self.site.core

    @property
    def user(self) -> Row | None:
        login = self.visitor.login
        return None if login is None else self.core.user_named(login)

    @property
    def actor(self) -> Actor:
        user = self.user
        return Actor("anonymous") if user is None else Actor("user", user)

    @property
    def repo(self) -> Row:
        """Return the repository of the path; 404 also for who may not know of it."""
        found = self.core.repository(self.param("owner"), self.param("repo"))
        if self.core.role(found, self.user) == "none":
            raise not_found()
        return found

    def may(self, role: str) -> bool:
        """Tell whether who is signed in has a role in the repository of the path."""
        user = self.user
        return user is not None and has_role(self.core.role(self.repo, user), role)

    def param(self, name: str) -> str:
        return self.request.match_info[name]

    def query(self, name: str, default: str = "") -> str:
        return self.request.query.get(name, default)

    def value(self, name: str, default: str = "") -> str:
        """Return the first value of a field of the form posted."""
        return self.form.get(name, [default])[0]

    async def ask(self, operation: Handler, body: Json | None = None, /, **given: str | int) -> Any:
        """Carry out an API operation as who is signed in and return the body of its answer.

        `given` adds to what the path names; a name with a leading underscore goes to the query.
        """
        match = dict(self.request.match_info)
        match |= {name: str(value) for name, value in given.items() if name[0] != "_"}
        query = {name[1:]: str(value) for name, value in given.items() if name[0] == "_"}
        payload = b"" if body is None else dumps(body).encode()
        call = Call(self.core, self.actor, Question(match, query), payload)
        return (await carry_out(self.site.operations[operation], call)).body

    async def ask_all(
        self, operation: Handler, key: str | None = None, /, **given: str | int
    ) -> list[Any]:
        """Return every item of a list, however many pages it has."""
        items: list[Any] = []
        while True:
            number = len(items) // PAGE + 1
            found = await self.ask(operation, **given, _page=number, _per_page=PAGE)
            more = found if key is None else found[key]
            items += more
            if len(more) < PAGE:
                return items

    def page(self, template: str, /, *, status: int = 200, **context: Any) -> web.Response:
        """Render a template; it knows who looks and the forge's address."""
        users = "SELECT login FROM users WHERE type='User' ORDER BY id"
        context |= {
            "me": self.user,
            "csrf": self.visitor.csrf,
            "here": self.request.path_qs if self.request.method == "GET" else "/",
            "people": [row["login"] for row in self.core.db.all(users)],
            "forge": self.core.url,
        }
        text = self.site.templates.get_template(template).render(context)
        return web.Response(status=status, text=text, content_type="text/html")

    def see(self, path: str) -> web.Response:
        """Send the browser on to a page of the forge."""
        return web.Response(status=303, headers={"Location": path})

    def below(self, path: str = "") -> str:
        """Return a path below the repository's page."""
        return f"/{self.param('owner')}/{self.param('repo')}{path}"


Page = Callable[[Visit], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class PageRoute:
    method: str
    path: str
    page: Page


OWNER: Final = r"/{owner:(?!api/)[A-Za-z0-9][A-Za-z0-9-]*(?:\[bot\])?}"
R: Final = OWNER + r"/{repo:[A-Za-z0-9._-]+}"
