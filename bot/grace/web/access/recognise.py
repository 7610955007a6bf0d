"""Who asks: a bearer token, or the cookie of a session."""

from dataclasses import dataclass

from aiohttp import web

from grace.domain.access import Principal, Scope
from grace.ports.access import Session
from grace.ports.hub import Token
from grace.web.access.entrance import ACCESS, Access
from grace.web.problems import Refused

_IN_ADDRESS = frozenset({"token", "access_token"})


@dataclass(frozen=True, slots=True)
class Known:
    """Who asks; `session_id` None: with a token."""

    principal: Principal
    session_id: str | None = None


async def recognise(request: web.Request) -> Known | None:
    """Tell who asks, as things stand now; None: nobody who is known.

    Where a token is given a cookie is not looked at. `Refused` 400 for a secret in the address, 401
    for a token that is not in force.
    """
    access = request.app[ACCESS]
    if _IN_ADDRESS & request.query.keys():
        raise Refused(
            400,
            "a token in the address ends up in logs: send the header Authorization: Bearer TOKEN, "
            "and revoke this one",
        )
    given = request.headers.getall("Authorization", [])
    if given:
        return Known(await _by_token(access, given))
    return await _by_cookie(access, request)


async def still_known(request: web.Request) -> Principal | None:
    """Tell who a long-lived connection belongs to now; None: token or session is over."""
    try:
        known = await recognise(request)
    except Refused:
        return None
    return None if known is None else known.principal


async def _by_token(access: Access, given: list[str]) -> Principal:
    scheme, _, text = given[0].partition(" ")
    if len(given) > 1 or scheme.lower() != "bearer" or not text.strip():
        raise Refused(401, "send one header Authorization: Bearer TOKEN")
    token = await access.store.token_of(text.strip(), access.clock.now())
    if token is None:
        raise Refused(401, "this token is unknown, expired or revoked: `grace token create`")
    return principal_of_token(token)


async def _by_cookie(access: Access, request: web.Request) -> Known | None:
    session_id = access.seal.session_id(request.cookies.get(access.session_cookie, ""))
    if session_id is None:
        return None
    session = await access.store.session_of(session_id, access.clock.now(), access.idle)
    if session is None:
        return None
    return Known(principal_of_person(session, access.operators), session_id)


def principal_of_token(token: Token) -> Principal:
    """Say who a token stands for."""
    return Principal(
        kind="token",
        id=token.id,
        name=token.name,
        login=token.login,
        user_id=token.user_id,
        scopes=token.scopes,
        logs=token.logs,
        targets=token.targets,
    )


def principal_of_person(session: Session, operators: frozenset[str]) -> Principal:
    """Say who signed in: everybody may look, and whom the settings name may operate."""
    operates = bool({session.login.lower(), f"#{session.user_id}"} & operators)
    return Principal(
        kind="person",
        id=f"user-{session.user_id}",
        name=session.login,
        login=session.login,
        user_id=session.user_id,
        scopes=frozenset({Scope.VIEWER, Scope.OPERATOR} if operates else {Scope.VIEWER}),
    )
