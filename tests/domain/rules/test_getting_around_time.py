"""Ways around time, records, caps, lanes and brakes, each refused beside an honest twin."""

from datetime import timedelta

import pytest

from grace.domain.observed import DeploymentFact
from grace.domain.package import MetricObservation
from grace.domain.people import Actor, Permission
from grace.domain.phase import Outcome, Severity
from grace.domain.policy import Approvals, AutoMerge, Emergency, Solo
from grace.domain.results import TestOutcome
from grace.domain.rules.language import RepositoryPolicy
from grace.domain.surroundings import CapaFact, MergeFact, Stop
from grace.domain.verdict import Result
from support.cases import (
    ABOUT,
    NOW,
    assert_refused,
    case_of,
    made_good,
    ready,
    row,
)
from support.world import METRIC, MUST_PASS, sha

FAIL, WAIT, NO_DATA = Result.FAIL, Result.PENDING, Result.NO_DATA
READY = ready()
ALONE = READY.alone()
BERLIN = {
    "zone": "Europe/Berlin",
    "weekly": [{"days": ["fri"], "start": "22:00", "until": "06:00"}],
}


def frozen(*time, **calendar):
    return READY.rule(freeze=calendar or BERLIN).at(*time)


BEFORE = (2026, 11, 27, 20, 59)
NIGHT = {"zone": "Europe/Berlin", "weekly": [{"start": "02:00", "until": "03:00"}]}
YEAR = {"dates": [{"first": "2026-12-20", "last": "2027-01-06"}]}
BUT_ONE = {**YEAR, "except_dates": ["2026-12-22"]}
WAITED = READY.rule(wait={"minutes": 10})

TIMES = [
    row(
        "inside",
        frozen(*BEFORE),
        frozen(2026, 11, 27, 21, 0),
        WAIT,
        "frozen until 2026-11-28 05:00",
    ),
    row(
        "past midnight",
        frozen(*BEFORE),
        frozen(2026, 11, 28, 4, 59),
        WAIT,
        "until 2026-11-28 05:00",
    ),
    row(
        "in summer",
        frozen(2026, 7, 3, 19, 59),
        frozen(2026, 7, 3, 20, 0),
        WAIT,
        "until 2026-07-04 04",
    ),
    # On 25 October 2026 the hour from 02:00 comes twice in Berlin: at 00:00 and at 01:00 UTC.
    *(
        row(
            f"hour {n} of two",
            frozen(2026, 10, 24, 23, 59, **NIGHT),
            frozen(*time, **NIGHT),
            WAIT,
            "frozen",
        )
        for n, time in enumerate([(2026, 10, 25, 0, 30), (2026, 10, 25, 1, 30)])
    ),
    row(
        "a holiday",
        frozen(2026, 12, 19, **YEAR),
        frozen(2026, 12, 20, **YEAR),
        WAIT,
        "more than two",
    ),
    row(
        *("the day after an exception", frozen(2026, 12, 22, **BUT_ONE)),
        *(frozen(2026, 12, 23, **BUT_ONE), WAIT, "frozen for more than two weeks"),
    ),
    row(
        *("up to an exception", frozen(2026, 12, 22, **BUT_ONE), frozen(2026, 12, 21, **BUT_ONE)),
        *(WAIT, "frozen until 2026-12-22 00:00 UTC"),
    ),
    row("too early", WAITED, WAITED.later(seconds=-1), WAIT, "wait 10 min: until 2026-11-22 09:10"),
    row("pushed nowhere", WAITED, WAITED.tried(pushed_at=None), NO_DATA, "nothing is pushed yet"),
    row(
        *("pushed anew", WAITED, WAITED.tried(pushed_at=NOW - timedelta(minutes=9))),
        *(WAIT, "wait 10 min: until 2026-11-22 09:11"),
    ),
]


def sampled(*values, **ago):
    """Sample the error rate each minute, the newest now."""
    start = NOW - timedelta(**ago)
    samples = tuple(
        MetricObservation(
            metric_id="error_rate", value=v, at=start - timedelta(minutes=n), source="x"
        )
        for n, v in enumerate(values)
    )
    wanted = {"metric_id": "error_rate", "comparator": "<", "target": 5}
    return READY.rule(metric=wanted).knows(samples=samples)


def of_another_metric():
    samples = sampled(1, 1, 1).facts.samples
    return sampled().knows(
        samples=tuple(s.model_copy(update={"metric_id": METRIC}) for s in samples)
    )


def deployed(state="success", environment="production", minutes=5, **more):
    fact = DeploymentFact(state=state, at=NOW - timedelta(minutes=minutes))
    rule = {"environment": "production", "max_age_minutes": 60}
    return READY.rule(deployment=rule).knows(deployments={sha("x"): {environment: fact}, **more})


NEWER = {sha("y"): {"production": DeploymentFact(state="failure", at=NOW)}}


def capas(*subsystems):
    tickets = tuple(
        CapaFact(mission="m", subsystem=s, issue=n) for n, s in enumerate(subsystems, 4)
    )
    return READY.rule(open_capas={}).knows(capas=tickets)


def merges(*hours, subsystem="trigger_mesh", basis="approvals", scope="subsystem", most=2):
    done = tuple(
        MergeFact(mission="m", subsystem=subsystem, basis=basis, at=NOW - timedelta(hours=h))
        for h in hours
    )
    return READY.rule(daily_cap={"merges": most, "scope": scope}).knows(merges=done)


STANDING = [
    row("too few samples", sampled(1, 1, 1), sampled(1, 1), NO_DATA, "2 of at least 3 samples"),
    row(
        "no value in most",
        sampled(1, 1, 1),
        sampled(1, 1, 1, *[None] * 4),
        NO_DATA,
        "4 of 7 samples",
    ),
    row("stale samples", sampled(1, 1, 1), sampled(1, 1, 1, hours=1), NO_DATA, "0 of at least 3"),
    row(
        "another metric", sampled(1, 1, 1), of_another_metric(), NO_DATA, "0 of at least 3 samples"
    ),
    row(
        "samples of the future", sampled(1, 1, 1), sampled(1, 1, 1, minutes=-9), NO_DATA, "0 of at"
    ),
    row("a bad metric", sampled(1, 1, 1), sampled(1, 1, 99), WAIT, "33.67 over 3 samples"),
    row("a failed release", deployed(), deployed("failure"), WAIT, "the newest is failure"),
    row("a newer release failed", deployed(), deployed(**NEWER), WAIT, "the newest is failure"),
    row("an old release", deployed(), deployed(minutes=61), NO_DATA, "more than 60 min ago"),
    row(
        "another environment", deployed(), deployed(environment="staging"), NO_DATA, "none was rep"
    ),
    row("an open CAPA", capas("other"), capas("other", "trigger_mesh"), WAIT, "at most 0: #5"),
    row("a cap reached", merges(1), merges(1, 23.9), WAIT, "2 within 24 hours, at most 2"),
    row("a cap, one of yesterday", merges(1, 24), merges(1, 23.9), WAIT, "2 within 24 hours"),
    row("a cap, one in flight", merges(1), merges(1, 0), WAIT, "2 within 24 hours, at most 2"),
    row(
        *("a cap of the repository", merges(1, 2, subsystem="other")),
        merges(1, 2, subsystem="other", scope="repository"),
        *(WAIT, "daily cap of the repository: 2 within 24 hours"),
    ),
]


def trusted(*outcomes, severity=Severity.HIGH, or_approval=False):
    matter = READY.asks(severity=severity).record(*outcomes)
    return matter.rule(trust={"at_least": 0.5, "or_approval": or_approval})


def good(count=20, every=1.0, **changes):
    return tuple(made_good(n * every + 1, **changes) for n in range(count))


PROVEN = trusted(*good())
NAMESAKE = Actor(login="alice", id=9)
REVERTED = made_good(0.5, outcome=Outcome.ROLLED_BACK)
FREE = READY.governed(approvals=Approvals(low=0)).asks(severity=Severity.LOW)
INSTEAD = FREE.rule(trust={"at_least": 0.5})

TRUST = [
    row("no record", PROVEN, trusted(), FAIL, "0.00 (0 approved missions held and 0 did not)"),
    row("trivial ones", PROVEN, trusted(*good(severity=Severity.LOW)), FAIL, "0.00 (0 approved"),
    row("many in a day", PROVEN, trusted(*good(30, 0.001)), FAIL, "(3 approved missions held"),
    row("merged on trust", PROVEN, trusted(*good(basis="trust")), FAIL, "0.00 (0 approved"),
    row("merged alone", PROVEN, trusted(*good(basis="solo")), FAIL, "0.00 (0 approved"),
    row("ordered", PROVEN, trusted(*good(basis="emergency")), FAIL, "0.00 (0 approved"),
    row("merged by hand", PROVEN, trusted(*good(basis="none")), FAIL, "0.00 (0 approved"),
    row("of others", PROVEN, trusted(*good(agent="candidate")), FAIL, "0.00 (0 approved"),
    row("of a namesake", PROVEN, PROVEN.on(requester=NAMESAKE), FAIL, "0.00 (0 approved"),
    row("with another's help", PROVEN, PROVEN.on(authors=("alice", "eve")), FAIL, "0.00 (0"),
    row("of the future", PROVEN, trusted(*good(20, -1.0)), FAIL, "(2 approved missions held"),
    row(
        "after a revert", PROVEN, trusted(*good(), REVERTED), FAIL, "since the revert of 2026-11-21"
    ),
    row(
        *("for a graver mission", PROVEN, trusted(*good(), severity=Severity.CRITICAL)),
        *(FAIL, "0.00 (0 approved missions held"),
    ),
    row(
        *("failures between", PROVEN),
        trusted(*good(), *good(15, 1.1, outcome=Outcome.FAILED)),
        *(FAIL, "20 approved missions held and 15 did not"),
    ),
    row(
        *("long ago", PROVEN, trusted(*(made_good(300 + n) for n in range(20)))),
        *(FAIL, "(20 approved missions held"),
    ),
    row(
        *("long ago, and cancelled since", PROVEN),
        trusted(*(made_good(300 + n) for n in range(20)), made_good(1, outcome=Outcome.CANCELLED)),
        *(FAIL, "0.10 (20 approved missions held"),
    ),
    row(
        "nobody approves instead", INSTEAD, INSTEAD.alone(), WAIT, "0.00 (0 approved missions held"
    ),
]

CRITICAL = ALONE.asks(severity=Severity.CRITICAL)
ORDERED, PLAIN = CRITICAL.ordered(), "0 of 2 approvals"
RULED = ORDERED.rule(approvals={"count": 2}, separation_of_duties={}, trust={"at_least": 1})
TIMED = ORDERED.rule(freeze=BERLIN, wait={"minutes": 9000}, daily_cap={"merges": 1}).at(
    2026, 11, 27, 23, 0
)
TIMED = TIMED.knows(
    merges=(MergeFact(mission="m", subsystem="trigger_mesh", basis="none", at=TIMED.now),)
)


def waiving(*what):
    return {"emergency": Emergency(waives=what)}


EMERGENCY = [
    row("without maintain", ORDERED, CRITICAL.ordered(permission=Permission.WRITE), WAIT, PLAIN),
    row("permission taken back", ORDERED, ORDERED.may(ABOUT, Permission.NONE), WAIT, PLAIN),
    row("permission unread", ORDERED, ORDERED.knows(permissions={}), WAIT, PLAIN),
    row("not critical", ORDERED, ALONE.ordered(), WAIT, "0 of 1 approvals"),
    row("of an older head", ORDERED, CRITICAL.ordered(at=sha("older")), WAIT, PLAIN),
    row("approvals are not waived", ORDERED, ORDERED.governed(**waiving("time")), WAIT, PLAIN),
    row(
        *("the lane is closed", ORDERED, ORDERED.governed(emergency=Emergency(enabled=False))),
        *(WAIT, PLAIN),
    ),
    row(
        "CI is red", ORDERED, ORDERED.job("unit", "failure"), FAIL, "job unit: the forge says fail"
    ),
    row(
        *("a test is lost", ORDERED, ORDERED.unit(case_of(MUST_PASS, TestOutcome.SKIPPED))),
        *(FAIL, f"must pass {MUST_PASS}: skipped"),
    ),
    row("a veto stands", ORDERED, ORDERED.on(vetoes={"sam": "no"}), FAIL, "vetoed by sam: no"),
    row("held", ORDERED, ORDERED.on(held="held by sam"), FAIL, "held: held by sam"),
    row("switched off", ORDERED, ORDERED.knows(kill_switch=True), FAIL, "kill switch: is on"),
    row("rules of people", RULED, RULED.on(emergency=None), WAIT, "approvals: 2 with write"),
    row("duties", RULED, RULED.on(emergency=None), WAIT, "separation of duties: proposed"),
    row("freeze", TIMED, TIMED.governed(**waiving("approvals")), WAIT, "freeze: frozen until"),
    row("waiting", TIMED, TIMED.governed(**waiving("approvals")), WAIT, "wait 9000 min: until"),
    row(
        "cap", TIMED, TIMED.governed(**waiving("approvals")), WAIT, "daily cap of the subsystem: 1"
    ),
    row(
        *(
            "freeze, older head",
            TIMED,
            TIMED.on(emergency=CRITICAL.ordered(at=sha("o")).mission.emergency),
        ),
        *(WAIT, "freeze: frozen until"),
    ),
]

SOLO = ALONE.governed(solo=Solo(maintainer="Alice", wait_minutes=10))
TRUSTED = ALONE.asks(severity=Severity.LOW).governed(auto_merge=AutoMerge()).record(*good(30))
NONE_GIVEN = "approvals: 0 of 1 approvals"


def on_trust(*hours):
    return TRUSTED.knows(merges=merges(*hours, basis="trust").facts.merges)


def patched(files, lines):
    read = TRUSTED.touching(*(f"{n}.py" for n in range(files))).read
    first = read.files[0].model_copy(update={"added": lines - files + 1})
    return TRUSTED.patch(files=(first, *read.files[1:]))


LANES = [
    row("solo by somebody else", SOLO, SOLO.on(started_by="rita"), WAIT, NONE_GIVEN),
    row("solo before its time", SOLO, SOLO.later(seconds=-1), WAIT, "10 min must pass, until"),
    row(
        *("solo, pushed anew", SOLO, SOLO.tried(pushed_at=NOW)),
        *(WAIT, "10 min must pass, until 2026-11-22 09:20 UTC"),
    ),
    row(
        *("solo with a short window", SOLO, SOLO.criteria(observation_window_minutes=29)),
        *(WAIT, "the window has 29 min, 30 needed"),
    ),
    row("solo of critical ones", SOLO, SOLO.asks(severity=Severity.CRITICAL), WAIT, PLAIN),
    row("solo with commits of strangers", SOLO, SOLO.on(strange_authors=1), WAIT, PLAIN),
    row("solo under an objection", SOLO, SOLO.on(vetoes={"sam": "no"}), FAIL, "vetoed by sam"),
    row(
        *("solo instead of a rule's approval", SOLO),
        *(SOLO.rule(approvals={}), WAIT, "approvals: 1 with write permission: 0 of 1"),
    ),
    row(
        "trust, approval asked",
        TRUSTED,
        TRUSTED.trusts(requires_governance_approval=True),
        WAIT,
        NONE_GIVEN,
    ),
    row("trust, more asked", TRUSTED, TRUSTED.trusts(required_trust_score=0.95), WAIT, PLAIN),
    row("trust, graver", TRUSTED, TRUSTED.asks(severity=Severity.MEDIUM), WAIT, NONE_GIVEN),
    row("trust, many files", patched(10, 200), patched(11, 200), WAIT, NONE_GIVEN),
    row("trust, many lines", patched(10, 200), patched(10, 201), WAIT, NONE_GIVEN),
    row("trust, cap reached", on_trust(1, 2, 25), on_trust(1, 2, 3), WAIT, NONE_GIVEN),
    row("trust, one in flight", on_trust(1, 2), on_trust(1, 2, 0), WAIT, NONE_GIVEN),
    row("trust, commits of strangers", TRUSTED, TRUSTED.on(strange_authors=1), WAIT, PLAIN),
    row("trust, patch unread", TRUSTED, TRUSTED.unread(), WAIT, NONE_GIVEN),
    row("trust, too little", TRUSTED, TRUSTED.record(*good(10)), WAIT, NONE_GIVEN),
    row("trust, after a revert", TRUSTED, TRUSTED.record(*good(30), REVERTED), WAIT, NONE_GIVEN),
    row("trust, switched off", TRUSTED, TRUSTED.governed(auto_merge=None), WAIT, NONE_GIVEN),
]

SHADOW = RepositoryPolicy(version=1, shadow=True)
OWN_SHADOW = READY.patch(rules=READY.read.rules.model_copy(update={"policy": SHADOW}))
BRAKES = [
    row(
        "shadow mode",
        READY,
        READY.governed(shadow=True),
        WAIT,
        "shadow mode: everything is decided",
    ),
    row("shadow mode of its own", READY, OWN_SHADOW, WAIT, "shadow mode: everything is decided"),
    *(
        row(
            *(f"stopped by {kind}", READY),
            READY.knows(kill_switch=True, stops=(Stop(kind=kind, reason="too hot"),)),
            *(FAIL, "kill switch: too hot"),
        )
        for kind in ("operator", "file", "issue")
    ),
    row("held", READY, READY.on(held="held by sam"), FAIL, "held: held by sam"),
    row("refused by the forge", READY, READY.on(forge_says="no"), WAIT, "forge: no"),
    row(
        "without a pull request", READY, READY.on(pull=None), WAIT, "pull request: is being opened"
    ),
]


@pytest.mark.parametrize(
    ("honest", "attacked", "result", "words"),
    [*TIMES, *STANDING, *TRUST, *EMERGENCY, *LANES, *BRAKES],
)
def test_nobody_gets_around_time_records_and_brakes(honest, attacked, result, words):
    assert_refused(honest, attacked, result, words)


def test_a_muted_mission_says_so_and_hides_nothing():
    muted = READY.on(muted="rita").tree()
    assert muted.passes
    assert "rita asked for no comments" in str(muted)
    spoken, silent = ALONE.tree(), ALONE.on(muted="rita").tree()
    others = [c for c in silent.children if c.name != "merge readiness"]
    assert others == [c for c in spoken.children if c.name != "merge readiness"]
