"""Missions: the list, one with all that is known of it, and why it is not merged."""

from typing import Annotated, Self

from pydantic import AwareDatetime, Field

from grace.domain.base import Frozen
from grace.domain.lease import Lease
from grace.domain.mission import Attempt, FieldError, Mission, Revert, Window
from grace.domain.package import MissionId, MissionPackage, Name
from grace.domain.phase import Outcome, Phase, Severity, Status
from grace.domain.render import why
from grace.domain.verdict import Condition, Result
from grace.domain.views import package_of
from grace.ports.hub import MissionFilter, MissionRow
from grace.web.api.operation import Answer, Call, Operation, Reply
from grace.web.api.paging import Paged
from grace.web.api.reading import Found, OfMission, mission_of, web_url
from grace.web.hub import Hub

MISSIONS = "/mission-control/missions"
MISSION = f"{MISSIONS}/{{mission_id}}"


class ListMissions(Paged):
    """Which missions."""

    status: Status | None = None
    phase: Phase | None = None
    outcome: Outcome | None = None
    severity: Severity | None = None
    subsystem: Name | None = None
    live: Annotated[bool | None, Field(description="whether it is not closed")] = None
    text: Annotated[
        str,
        Field(
            max_length=200,
            pattern=r"^[^\x00-\x1f]*$",
            description="words that name and title hold, in any case",
        ),
    ] = ""


class MissionList(Frozen):
    """Some missions, the newest first."""

    missions: tuple[MissionRow, ...]
    next: str | None


class Links(Frozen):
    """Where a mission is seen at the forge."""

    repository: str
    issue: str | None = None
    pull: str | None = None
    merge: str | None = None
    revert: str | None = None
    capa: str | None = None

    @classmethod
    def of(cls, hub: Hub, mission: Mission) -> Self:
        """Collect the addresses that there are."""
        name, revert = mission.ref.repository, mission.revert

        def to(kind: str, key: object) -> str | None:
            return None if key is None else web_url(hub, name, kind, key)

        return cls(
            repository=web_url(hub, name),
            issue=to("issues", mission.issue),
            pull=mission.pull.url if mission.pull else None,
            merge=to("commit", mission.landing.sha if mission.landing else None),
            revert=revert.pull.url if revert and revert.pull else None,
            capa=to("issues", mission.capa),
        )


class MissionSeen(MissionPackage):
    """The mission package, with where the mission stands and where it is seen.

    `held`: why it is held; `reason`: why it ended; `why`: what holds it back, in one sentence,
    while it lives; `claim`: the claim in force.
    """

    title: str
    repository: str
    log: str
    phase: Phase
    held: str | None
    reason: str
    why: str | None
    issue: int | None
    pull: int | None
    capa: int | None
    contract_hash: str | None
    requester: str | None
    started_by: str | None
    attempts: tuple[Attempt, ...]
    window: Window | None
    revert: Revert | None
    claim: Lease | None
    links: Links


class MissionUnread(Frozen):
    """A mission whose contract did not parse yet; `errors` says what is wrong, by field."""

    mission_id: MissionId
    status: Status
    phase: Phase
    outcome: Outcome | None
    title: str
    repository: str
    log: str
    reason: str
    created_at: AwareDatetime
    resolved_at: AwareDatetime | None
    errors: tuple[FieldError, ...]
    links: Links


class MissionVerdict(Frozen):
    """The tree of conditions that says why a mission is not merged, and what it was made from.

    `why`: the one thing that holds it back, as check run and comment say it; None as the tree
    is: nothing was judged yet.
    """

    mission_id: MissionId
    phase: Phase
    outcome: Outcome | None
    reason: str
    why: str | None
    result: Result | None
    tree: Condition | None
    evaluated_at: AwareDatetime | None
    facts_hash: str | None
    policy_hash: str | None
    evaluator: str | None


async def list_missions(call: Call[ListMissions, None]) -> Answer:
    """List the missions of the repositories that exist for whoever is asking."""
    given = call.given
    wanted = MissionFilter(
        logs=call.reach.logs, **given.model_dump(exclude={"after", "limit"}, exclude_none=True)
    )
    page = await call.hub.store.mission_page(
        wanted, "newest", call.hub.clock.now(), after=given.after, limit=given.limit
    )
    body = MissionList(missions=tuple(page.rows), next=page.following)
    return Answer(body, following=page.following)


async def show_mission(call: Call[OfMission, None]) -> Answer:
    """Show one mission."""
    return Answer(await seen(call.hub, await mission_of(call)))


async def seen(hub: Hub, found: Found) -> MissionSeen | MissionUnread:
    """Put together what is known of a mission."""
    mission, store = found.mission, hub.store
    package = package_of(mission, await store.mission_entries(mission.ref.log, mission.name))
    links, title = Links.of(hub, mission), mission.title or mission.name
    if package is None:
        return MissionUnread(
            mission_id=mission.name,
            status=mission.status,
            phase=mission.phase,
            outcome=mission.outcome,
            title=title,
            repository=mission.ref.repository,
            log=mission.ref.log,
            reason=mission.reason,
            created_at=mission.created_at,
            resolved_at=mission.closed_at,
            errors=mission.errors,
            links=links,
        )
    claim = await store.lease(mission.name)
    in_force = claim is not None and claim.until > hub.clock.now()
    return MissionSeen(
        **{name: getattr(package, name) for name in MissionPackage.model_fields},
        title=title,
        repository=mission.ref.repository,
        log=mission.ref.log,
        phase=mission.phase,
        held=mission.held,
        reason=mission.reason,
        why=why(found.verdict.root) if found.verdict is not None and mission.live else None,
        issue=mission.issue,
        pull=mission.pull.number if mission.pull else None,
        capa=mission.capa,
        contract_hash=mission.contract_hash,
        requester=mission.requester.login if mission.requester else None,
        started_by=mission.started_by,
        attempts=mission.attempts,
        window=mission.window,
        revert=mission.revert,
        claim=claim if in_force else None,
        links=links,
    )


async def show_verdict(call: Call[OfMission, None]) -> Answer:
    """Show why a mission is not merged."""
    found = await mission_of(call)
    mission, verdict = found.mission, found.verdict
    return Answer(
        MissionVerdict(
            mission_id=mission.name,
            phase=mission.phase,
            outcome=mission.outcome,
            reason=mission.reason,
            why=None if verdict is None else why(verdict.root),
            result=None if verdict is None else verdict.result,
            tree=None if verdict is None else verdict.root,
            evaluated_at=None if verdict is None else found.decided_at,
            facts_hash=None if verdict is None else verdict.facts_hash,
            policy_hash=None if verdict is None else verdict.policy_hash,
            evaluator=None if verdict is None else verdict.evaluator,
        )
    )


async def list_queue(call: Call[Paged, None]) -> Answer:
    """List what is not closed, the most urgent first."""
    given = call.given
    wanted = MissionFilter(logs=call.reach.logs, live=True)
    page = await call.hub.store.mission_page(
        wanted, "urgency", call.hub.clock.now(), after=given.after, limit=given.limit
    )
    body = MissionList(missions=tuple(page.rows), next=page.following)
    return Answer(body, following=page.following)


OPERATIONS = (
    Operation(
        "GET",
        MISSIONS,
        "list_missions",
        "List missions, the newest first",
        "missions",
        list_missions,
        (Reply(MissionList, "missions of the repositories that you see"),),
        given=ListMissions,
    ),
    Operation(
        "GET",
        MISSION,
        "show_mission",
        "Show a mission package",
        "missions",
        show_mission,
        (Reply((MissionSeen, MissionUnread), "the mission, or what is wrong with its contract"),),
        given=OfMission,
        problems=(404,),
    ),
    Operation(
        "GET",
        f"{MISSION}/verdict",
        "show_verdict",
        "Say why a mission is not merged",
        "missions",
        show_verdict,
        (Reply(MissionVerdict, "the tree of conditions and its one sentence"),),
        given=OfMission,
        problems=(404,),
    ),
    Operation(
        "GET",
        "/mission-control/queue",
        "list_queue",
        "List what is not closed, the most urgent first",
        "queue",
        list_queue,
        (Reply(MissionList, "critical first, then oldest"),),
        given=Paged,
    ),
)
