"""What the handlers and middlewares of access are given by the bootstrap."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from aiohttp import web

from grace.ports import Clock
from grace.ports.access import AccessStore, SignInForge
from grace.web.access.rates import Rates
from grace.web.access.seal import Seal
from grace.web.access.site import Site


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be sent, and how fast: bytes, and seconds for the whole body.

    `machine_*`: of hooks and CI reports, which are larger.
    """

    body: int = 1 << 20
    body_s: float = 10
    machine_body_s: float = 60


@dataclass(frozen=True, slots=True)
class Access:
    """Everything that letting people in needs of the world.

    `forge`: who says who somebody is; None: nobody can sign in, only tokens are good. `operators`:
    logins, in small letters. A session ends after `life`, and when nobody used it for `idle`.
    """

    store: AccessStore
    clock: Clock
    seal: Seal
    site: Site
    rates: Rates
    forge: SignInForge | None = None
    forge_host: str = "github.com"
    operators: frozenset[str] = frozenset()
    life: timedelta = timedelta(hours=12)
    idle: timedelta = timedelta(hours=2)
    limits: Limits = field(default_factory=Limits)

    @property
    def session_cookie(self) -> str:
        """Name the cookie; the browser takes `__Host-` only from us, and only over https."""
        return "__Host-grace_session" if self.site.secure else "grace_session"

    @property
    def sign_in_cookie(self) -> str:
        return "__Host-grace_sign_in" if self.site.secure else "grace_sign_in"


@dataclass(frozen=True, slots=True)
class SignInView:
    """What the sign-in page shows.

    `start`: the address of the link that begins it; None: nobody can sign in here. `sentence`: what
    went wrong; may hold a stranger's words.
    """

    forge: str
    start: str | None
    sentence: str = ""
    status: int = 200


SignInPage = Callable[[web.Request, SignInView], web.StreamResponse]

ACCESS: web.AppKey[Access] = web.AppKey("access", Access)
# Whoever has a nicer page than the plain one puts it here.
SIGN_IN_PAGE: web.AppKey[SignInPage] = web.AppKey("sign_in_page")
