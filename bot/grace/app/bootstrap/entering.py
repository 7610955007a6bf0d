"""What lets people in: the file of tokens and sessions, the seal of cookies, the OAuth client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx

from grace.adapters.access.errors import AccessError
from grace.adapters.access.key import given_key, session_key
from grace.adapters.access.store import SqliteAccess
from grace.adapters.github.oauth import GitHubSignIn
from grace.app.settings import Settings, SettingsError
from grace.ports import Clock
from grace.web.access.entrance import Access
from grace.web.access.rates import Rates
from grace.web.access.seal import Seal
from grace.web.access.site import Site


@asynccontextmanager
async def open_access(
    settings: Settings, client: httpx.AsyncClient, clock: Clock
) -> AsyncIterator[Access]:
    """Open all that letting people in needs; SettingsError says what is wrong."""
    try:
        seal = Seal(_key(settings))
        store = await SqliteAccess.open(settings.data_dir / "access.db")
    except AccessError as error:
        raise SettingsError(error.sentence) from error
    try:
        yield Access(
            store=store,
            clock=clock,
            seal=seal,
            site=Site(settings.public_url, settings.listen_host),
            rates=Rates(settings.requests_per_minute),
            forge=_sign_in(settings, client),
            forge_host=settings.forge_host,
            operators=frozenset(login.lower() for login in settings.operators),
            life=timedelta(hours=settings.session_hours),
        )
    finally:
        await store.close()


def _key(settings: Settings) -> bytes:
    given = settings.session_key
    if given is not None:
        return given_key(given.get_secret_value(), "GRACE_SESSION_KEY")
    return session_key(settings.data_dir / "session.key")


def _sign_in(settings: Settings, client: httpx.AsyncClient) -> GitHubSignIn | None:
    """Make the client of the web flow; None where no client is configured."""
    if settings.oauth_client_id is None or settings.oauth_client_secret is None:
        return None
    return GitHubSignIn(
        client=client,
        host=settings.forge_host,
        web_url=settings.forge_web_url,
        api_url=settings.forge_api_url,
        client_id=settings.oauth_client_id,
        client_secret=settings.oauth_client_secret.get_secret_value(),
    )
