"""Runs of playbooks, for the runners beside their targets: take one, hold it, report of it."""

from typing import Any

from grace.domain.playbooks.handing import RunClaim, RunHeld, RunKept, RunRenewal, RunWord
from grace.ports import RunClaimant, RunHolder, RunLease
from grace.web.api.operation import RUN, Answer, Call, Operation, Reply
from grace.web.problems import Refused

RUNS = "/mission-control/runs"
LOST = "this lease is not yours any more: stop, and ask for work again"


async def claim(call: Call[Any, RunClaim]) -> Answer:
    """Give the oldest run for one of a runner's targets."""
    wanted = call.body
    foreign = sorted(set(wanted.targets) - call.principal.targets)
    if foreign:
        raise Refused(403, f"your token is not for {', '.join(foreign)}: `grace token create`")
    claimant = RunClaimant(wanted.runner, call.caller, wanted.targets, wanted.seconds)
    lease = await call.hub.runs.claim(claimant, call.hub.clock.now())
    call.hub.wake()  # what nobody began in time has ended
    return Answer(status=204) if lease is None else Answer(_held(lease))


async def renew(call: Call[Any, RunRenewal]) -> Answer:
    """Let a runner hold its run for longer."""
    wanted = call.body
    holder = RunHolder(wanted.run, wanted.lease, call.caller)
    lease = await call.hub.runs.renew(holder, wanted.seconds, call.hub.clock.now())
    if lease is None:
        raise Refused(409, LOST)
    return Answer(_held(lease))


async def report(call: Call[Any, RunWord]) -> Answer:
    """Take what a runner reports of its run."""
    said = call.body.report
    holder = RunHolder(said.id, call.body.lease, call.caller)
    if not await call.hub.runs.report(holder, said, call.hub.clock.now()):
        raise Refused(409, LOST)
    call.hub.wake()
    return Answer(RunKept(run=said.id, number=said.number))


def _held(lease: RunLease) -> RunHeld:
    return RunHeld(
        order=lease.order,
        lease=lease.lease,
        runner=lease.runner,
        until=lease.until,
        withdrawn=lease.withdrawn,
        reported=lease.reported,
    )


OPERATIONS = (
    Operation(
        "POST",
        f"{RUNS}/claim",
        "claim_run",
        "Take the oldest run of a playbook for one of a runner's targets",
        "runs",
        claim,
        (
            Reply(RunHeld, "the run; nobody else gets one for its target meanwhile"),
            Reply(None, "there is none", 204),
        ),
        need=RUN,
        body=RunClaim,
        examples={"body": {"runner": "db-1", "targets": ["orders-db"], "seconds": 60}},
        words=(
            "One target has one run at a time. A run whose lease ran out is given to the next who "
            "asks, with what was reported of it. 403: the token is not for one of the targets."
        ),
    ),
    Operation(
        "POST",
        f"{RUNS}/renew",
        "renew_run",
        "Hold a run for longer, and hear whether it is to stop",
        "runs",
        renew,
        (Reply(RunHeld, "it is still yours"),),
        need=RUN,
        body=RunRenewal,
        problems=(409,),
        examples={"body": {"run": "mission_20261122_001/run/1.1", "lease": "lease", "seconds": 60}},
    ),
    Operation(
        "POST",
        f"{RUNS}/report",
        "report_run",
        "Report how a run stands",
        "runs",
        report,
        (Reply(RunKept, "it is kept; the same number again changes nothing"),),
        need=RUN,
        body=RunWord,
        problems=(409,),
        examples={
            "body": {
                "lease": "lease",
                "report": {
                    "id": "mission_20261122_001/run/1.1",
                    "number": 3,
                    "runner": "db-1",
                    "state": "healed",
                    "sentence": "the database can be written again",
                    "at": "2026-11-22T12:00:00Z",
                },
            }
        },
    ),
)
