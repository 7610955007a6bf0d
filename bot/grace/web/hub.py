"""What API, page and live events are given by the bootstrap, and who is asking."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from grace.domain.access import Principal, Reach, Scope
from grace.domain.base import Frozen
from grace.domain.catalog import Catalog, Subsystems
from grace.domain.mission import MissionRef
from grace.domain.policy import Policy
from grace.ports import Clock, Delivery, ForgeError, RunBoard
from grace.ports.hub import CapaRegister, HealthBoard, HubStore, Rights
from grace.web.problems import Refused


class About(Frozen):
    """What runs here. `keys`: raw Ed25519 public keys of the ledger by key id, in base64."""

    version: str
    git_sha: str
    git_branch: str
    environment: str
    config_hash: str
    forge_host: str
    forge_web_url: str
    keys: dict[str, str]


@dataclass(frozen=True, slots=True)
class Hub:
    """Everything that the hub's handlers need of the world.

    `submit` puts a delivery into the inbox and wakes the worker; False: it was here before.
    `policy` None until the forge is reached. `refs`: repositories by subsystem. `new_an_hour`: how
    many missions a repository may begin within an hour. `wake` lets the worker look for what was
    put before a mission.
    """

    about: About
    store: HubStore
    clock: Clock
    rights: Rights
    submit: Callable[[Delivery], Awaitable[bool]]
    catalog: Catalog
    subsystems: Subsystems
    policy: Callable[[], Policy | None]
    refs: Mapping[str, MissionRef]
    board: HealthBoard
    capas: CapaRegister
    runs: RunBoard
    wake: Callable[[], None]
    new_an_hour: int = 60


HUB: web.AppKey[Hub] = web.AppKey("hub", Hub)
# Set by the middleware that knows tokens and sessions; missing where nobody is known.
PRINCIPAL: web.RequestKey[Principal] = web.RequestKey("principal", Principal)


def principal_of(request: web.Request) -> Principal:
    """Return who is asking; `Refused` 401 where that is not known."""
    principal = request.get(PRINCIPAL)
    if not isinstance(principal, Principal):
        raise Refused(401, "send the header Authorization: Bearer TOKEN, or sign in at /sign-in")
    return principal


def require(request: web.Request, scope: Scope) -> Principal:
    """Return who is asking, who must hold a scope; `Refused` 401 or 403."""
    principal = principal_of(request)
    if not principal.may(scope):
        held = ", ".join(sorted(principal.scopes)) or "none"
        raise Refused(403, f"this needs the scope {scope.value}; you hold: {held}")
    return principal


async def reach_of(request: web.Request) -> Reach:
    """Return what exists for whoever is asking; `Refused` 503 while the forge cannot be asked."""
    try:
        return await request.app[HUB].rights.reach(principal_of(request))
    except ForgeError as error:
        raise Refused(
            503, f"the forge cannot say now what you may see: {error.sentence}"
        ) from error
