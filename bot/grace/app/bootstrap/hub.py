"""The hub: what API, page and live events stand on."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from grace import __version__
from grace.adapters.access.key import given_key, session_key
from grace.adapters.access.store import SqliteAccess
from grace.adapters.github.oauth import GitHubSignIn
from grace.app.announce import announce
from grace.app.bootstrap.outlets import Outlets, make_outlets
from grace.app.bootstrap.probing import make_board
from grace.app.bootstrap.system import System, configuration_hash, fault_counter, recorder
from grace.app.bootstrap.watching import make_watcher
from grace.app.capas import Capas, Office
from grace.app.mesh import TriggerMesh
from grace.app.probes.board import Board
from grace.app.rights import ForgeRights
from grace.app.settings import Settings
from grace.domain.signing import encode64
from grace.ports import Delivery
from grace.web.access.entrance import Access
from grace.web.access.rates import Rates
from grace.web.access.recognise import still_known
from grace.web.access.seal import Seal
from grace.web.access.site import Site
from grace.web.hub import About, Hub
from grace.web.live import Live


@dataclass(frozen=True, slots=True)
class HubParts:
    """What the HTTP server and the loops need of the hub.

    `tell` writes to the ledger which tokens another process made or revoked.
    """

    hub: Hub
    access: Access
    mesh: TriggerMesh
    live: Live
    capas: Capas
    board: Board
    outlets: Outlets
    tell: Callable[[], Awaitable[object]]


@asynccontextmanager
async def open_hub(system: System, code: str) -> AsyncIterator[HubParts]:
    """Open the hub; `code` describes the commit that runs, as git says it."""
    settings = system.settings
    system.watcher = make_watcher(system)
    outlets = await make_outlets(system)
    store = await SqliteAccess.open(settings.data_dir / "access.db")
    try:
        record, fault = recorder(system), fault_counter(system)
        mesh = await TriggerMesh.open(system.store, system.bell, record, fault)
        live = Live(system.store, await system.store.feed_end(), still_known)
        mesh.subscribe("live", ["*"], live.deliver)
        capas = Capas(Office(system.store, system.forge, system.clock, system.wake, fault))
        board = make_board(system, mesh, capas, outlets)
        yield HubParts(
            hub=make_hub(system, code, capas, board),
            access=make_access(system, store),
            mesh=mesh,
            live=live,
            capas=capas,
            board=board,
            outlets=outlets,
            tell=lambda: announce(store, system.store, record),
        )
    finally:
        await outlets.close()
        await store.close()


def make_hub(system: System, code: str, capas: Capas, board: Board) -> Hub:
    """Give the hub's handlers what they need."""

    async def submit(delivery: Delivery) -> bool:
        fresh = await system.store.accept(delivery)
        system.measures.count_delivery(delivery.origin, "accepted" if fresh else "duplicate")
        system.wake()
        return fresh

    return Hub(
        about=about(system, code),
        store=system.store,
        clock=system.clock,
        rights=ForgeRights(system.forge, system.refs, system.clock),
        submit=submit,
        catalog=system.configuration.catalog,
        subsystems=system.configuration.subsystems,
        policy=lambda: system.policy,
        refs=system.refs,
        board=board,
        capas=capas,
        runs=system.store.runs,
        wake=system.wake,
        new_an_hour=system.settings.max_missions_per_hour,
    )


def about(system: System, code: str) -> About:
    """Say what runs here."""
    settings, signer = system.settings, system.signer
    sha, _, names = code.partition(" ")
    return About(
        version=__version__,
        git_sha=sha,
        git_branch=names.rpartition("-> ")[2].partition(",")[0].strip(),
        environment=settings.environment,
        config_hash=configuration_hash(system),
        forge_host=settings.forge_host,
        forge_web_url=settings.forge_web_url,
        keys={signer.key_id: encode64(signer.public)},
    )


def make_access(system: System, store: SqliteAccess) -> Access:
    """Give the door its keys."""
    settings = system.settings
    return Access(
        store=store,
        clock=system.clock,
        seal=Seal(seal_key(settings)),
        site=Site(settings.public_url, settings.listen_host),
        rates=Rates(settings.requests_per_minute),
        forge=sign_in_forge(system),
        forge_host=settings.forge_host,
        operators=frozenset(login.lower() for login in settings.operators),
        life=timedelta(hours=settings.session_hours),
    )


def seal_key(settings: Settings) -> bytes:
    """Take the key of the cookies from the environment or its file; make one at the first start."""
    if settings.session_key is not None:
        return given_key(settings.session_key.get_secret_value(), "GRACE_SESSION_KEY")
    return session_key(settings.data_dir / "session.key")


def sign_in_forge(system: System) -> GitHubSignIn | None:
    """Say who vouches for people; None: nobody can sign in."""
    settings = system.settings
    if settings.oauth_client_id is None or settings.oauth_client_secret is None:
        return None
    return GitHubSignIn(
        client=system.client,
        host=settings.forge_host,
        web_url=settings.forge_web_url,
        api_url=settings.forge_api_url,
        client_id=settings.oauth_client_id,
        client_secret=settings.oauth_client_secret.get_secret_value(),
    )
