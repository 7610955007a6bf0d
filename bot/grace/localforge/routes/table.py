"""Every operation of the API, in the order in which paths are matched."""

from typing import Final

from aiohttp import web

from grace.localforge.api import Route
from grace.localforge.auth import job_run_id
from grace.localforge.core import Core
from grace.localforge.oidc import SERVICE, OidcIssuer
from grace.localforge.routes import (
    actions,
    checks,
    comments,
    contents,
    deployments,
    gitdata,
    hooks,
    issues,
    labels,
    people,
    pulls,
    repos,
    reviews,
    statuses,
    teams,
    workflows,
)

# `contents` comes after `checks` and `statuses`: its /commits/{ref} would swallow theirs.
ALL_ROUTES: Final[tuple[Route, ...]] = (
    *people.ROUTES,
    *teams.ROUTES,
    *checks.ROUTES,
    *statuses.ROUTES,
    *repos.ROUTES,
    *gitdata.ROUTES,
    *contents.ROUTES,
    *comments.ROUTES,
    *issues.ROUTES,
    *labels.ROUTES,
    *pulls.ROUTES,
    *reviews.ROUTES,
    *deployments.ROUTES,
    *actions.ROUTES,
    *workflows.ROUTES,
    *hooks.ROUTES,
)


def service_routes(core: Core) -> list[web.RouteDef]:
    """Return the routes of the OIDC issuer, which are no part of the API."""
    issuer = OidcIssuer(core)

    async def discovery(_request: web.Request) -> web.Response:
        return web.json_response(issuer.discovery())

    async def jwks(_request: web.Request) -> web.Response:
        return web.json_response(issuer.jwks())

    async def token(request: web.Request) -> web.Response:
        run_id = job_run_id(core, request.headers.get("Authorization"))
        if run_id is None:
            return web.json_response({"message": "Bad credentials"}, status=401)
        run = core.db.get("workflow_runs", run_id)
        repo = core.db.get("repositories", run["repository_id"])
        audience = request.query.get("audience", f"{core.url}/{repo['owner']}")
        return web.json_response({"value": issuer.token(run, audience)})

    return [
        web.get(f"{SERVICE}/.well-known/openid-configuration", discovery),
        web.get(f"{SERVICE}/.well-known/jwks", jwks),
        web.get(f"{SERVICE}/request", token),
    ]
