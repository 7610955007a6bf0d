"""What comes in over HTTP: verified over its raw bytes, stored, answered. Work happens later."""

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final

from aiohttp import web
from pydantic import Field, ValidationError

from grace.domain.base import Frozen
from grace.domain.results import CIReport
from grace.ports import Clock, Delivery, Store
from grace.web.problems import Refused, fields_of, problem

MAX_BODY = 25 * 1024 * 1024
_PULL: Final = re.compile(r"refs/pull/([1-9][0-9]{0,17})/merge", re.ASCII)


class Claims(Frozen):
    """What a CI job's token proves about it.

    `sha` is what the forge ran on: a merge group's head, but a pull request's merge with its base;
    `ref` names the branch of that. `base_ref`: the branch that a pull request is to change.
    """

    host: str
    repository: str
    repository_id: int
    head_ref: str
    base_ref: str = ""
    event: str
    run_id: int
    run_attempt: int
    workflow: str
    sha: str = ""
    ref: str = ""

    @property
    def pull(self) -> int | None:
        """Return the pull request whose run it is; None for a merge group's."""
        found = _PULL.fullmatch(self.ref) if self.event == "pull_request" else None
        return None if found is None else int(found[1])


class Reported(Frozen):
    """A CI report with the proof of who reported it, as it is stored in the inbox."""

    claims: Claims
    report: CIReport


class Switch(Frozen):
    """Where the kill switch is put, by whom as the operator says, and why."""

    on: bool
    actor: Annotated[str, Field(min_length=1, max_length=100)] = "operator"
    reason: Annotated[str, Field(max_length=500)] = ""


@dataclass(frozen=True, slots=True)
class Intake:
    """The checks that need the world, given by the bootstrap.

    `webhook` verifies a forge's delivery and returns (event, delivery id); `token` verifies a CI
    job's token. They raise `Refused`. `count` counts an answer by origin. `bases`: the branches
    that missions change.
    """

    store: Store
    clock: Clock
    count: Callable[[str, str], None]
    wake: Callable[[], None]
    webhook: Callable[[dict[str, str], bytes], tuple[str, str]]
    token: Callable[[str], Awaitable[Claims]]
    workflows: tuple[str, ...]
    bases: frozenset[str]
    operator_token: str | None


INTAKE: web.AppKey[Intake] = web.AppKey("intake", Intake)


@web.middleware
async def refusals(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn refusals into problems; a body over the limit is one too."""
    intake = request.app[INTAKE]
    try:
        return await handler(request)
    except Refused as refused:
        intake.count(_route(request), str(refused.status))
        return problem(refused.status, refused.sentence, refused.errors)
    except web.HTTPRequestEntityTooLarge:
        intake.count(_route(request), "413")
        return problem(413, f"the body is larger than {MAX_BODY // 1024 // 1024} MiB")


def _route(request: web.Request) -> str:
    """Name the route and not the path: whoever makes up paths makes up no measures."""
    resource = request.match_info.route.resource
    return "nowhere" if resource is None else resource.canonical


async def accept(intake: Intake, delivery: Delivery) -> web.Response:
    """Store a delivery and answer 202; one that was here before is answered alike."""
    fresh = await intake.store.accept(delivery)
    answer = "accepted" if fresh else "duplicate"
    intake.count(delivery.origin, answer)
    intake.wake()
    return web.json_response({"status": answer, "delivery": delivery.delivery_id}, status=202)


async def github(request: web.Request) -> web.Response:
    """Take a webhook of the forge."""
    intake = request.app[INTAKE]
    body = await request.read()
    event, delivery_id = intake.webhook(dict(request.headers), body)
    return await accept(intake, Delivery("github", delivery_id, event, body, intake.clock.now()))


def bearer(request: web.Request) -> str:
    """Return the bearer token of a request; raise `Refused` when there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused(401, "send the header Authorization: Bearer TOKEN")
    return token.strip()


async def ci_results(request: web.Request) -> web.Response:
    """Take a CI job's report: its OIDC token proves repository, run and branch."""
    intake = request.app[INTAKE]
    claims = await intake.token(bearer(request))
    body = await request.read()
    try:
        report = CIReport.model_validate_json(body)
    except ValidationError as error:
        raise Refused(422, "the report does not fit its schema", fields_of(error)) from error
    check_claims(claims, report, intake.workflows, intake.bases)
    stored = Reported(claims=claims, report=report).model_dump_json().encode()
    delivery_id = f"{claims.run_id}/{claims.run_attempt}/{hashlib.sha256(body).hexdigest()}"
    return await accept(intake, Delivery("ci", delivery_id, "results", stored, intake.clock.now()))


def workflow_path(workflow_ref: str, repository: str) -> str:
    """Return `.github/workflows/x.yml` out of `owner/name/.github/workflows/x.yml@ref`."""
    path = workflow_ref.partition("@")[0]
    return (
        path[len(repository) + 1 :] if path.lower().startswith(f"{repository}/".lower()) else path
    )


def check_claims(
    claims: Claims, report: CIReport, workflows: tuple[str, ...], bases: frozenset[str]
) -> None:
    """Refuse a report that speaks of another run or repository than its token proves.

    A pull request's token proves its number and its base, whose branch has a say in what ran; a
    merge group's proves the very commit.
    """
    pairs: list[tuple[str, object, object]] = [
        ("repository", claims.repository.lower(), report.repository.lower()),
        ("workflow", workflow_path(claims.workflow, claims.repository), report.workflow),
        ("run_id", claims.run_id, report.run_id),
        ("run_attempt", claims.run_attempt, report.run_attempt),
    ]
    if claims.event == "merge_group":
        pairs.append(("head_sha", claims.sha, report.head_sha))
    elif claims.event != "pull_request" or not claims.head_ref:
        raise Refused(
            403, f"a report is of a pull request's run or a merge group's, not of {claims.event}"
        )
    elif claims.pull is None:
        raise Refused(
            403,
            "the job's token does not say which pull request it is of: its claim `ref` is "
            f"{claims.ref!r}, not refs/pull/NUMBER/merge; let the workflow run `on: pull_request`",
        )
    elif claims.base_ref not in bases:
        raise Refused(
            403,
            f"pull request #{claims.pull} is into {claims.base_ref!r}, which no mission changes; "
            "subsystems.yaml lists the base branches",
        )
    if report.workflow not in workflows:
        raise Refused(
            403,
            f"{report.workflow} may not report; governance.yaml lists the workflows that may",
            ({"field": "workflow", "problem": f"is not one of: {', '.join(workflows)}"},),
        )
    wrong = tuple(
        {"field": name, "problem": f"is {said!r}, but the job's token proves {proven!r}"}
        for name, proven, said in pairs
        if proven != said
    )
    if wrong:
        raise Refused(403, "the report is not the token's", wrong)


async def kill_switch(request: web.Request) -> web.Response:
    """Put the kill switch on or off; the operator's token proves who."""
    intake = request.app[INTAKE]
    if intake.operator_token is None:
        raise Refused(404, "no operator token is configured: set GRACE_OPERATOR_TOKEN")
    if not hmac.compare_digest(bearer(request).encode(), intake.operator_token.encode()):
        raise Refused(401, "the bearer token is wrong")
    try:
        wanted = Switch.model_validate_json(await request.read())
    except ValidationError as error:
        way = 'send {"on": true} or {"on": false}, and with it "reason" and "actor" if you like'
        raise Refused(422, way, fields_of(error)) from error
    changed = await intake.store.set_kill_switch(
        on=wanted.on, actor=wanted.actor, reason=wanted.reason, now=intake.clock.now()
    )
    intake.wake()
    return web.json_response({"on": wanted.on, "changed": changed})
