"""Which phase hears which event.

`HEARD` and `IGNORED` together name every pair of phase and event. An event that is ignored in a
phase changes no decision there; the facts keep what it says while the mission lives.
"""

from collections.abc import Callable

from grace.domain import events as ev
from grace.domain.lifecycle import (
    alerts,
    asking,
    failures,
    healing,
    outcomes,
    revert_outcomes,
    seeking,
    tickets,
)
from grace.domain.lifecycle import reactions as on
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.outcomes import OPEN_PULL
from grace.domain.lifecycle.reactions import ALL, AT_WORK, LIVE
from grace.domain.phase import FORWARD, LANDED, WAITING_ROOM, Phase

Handler = Callable[..., None]

HEARD: dict[type[ev.Event], tuple[Handler, frozenset[Phase]]] = {
    ev.IssueSeen: (on.issue_seen, WAITING_ROOM | AT_WORK),
    ev.IssueClosed: (on.issue_closed, WAITING_ROOM | AT_WORK | {Phase.MERGING}),
    ev.CommandGiven: (on.command_given, ALL),
    ev.PermissionRead: (on.permission_read, ALL),
    ev.AlertSeen: (alerts.alert_seen, LIVE),
    ev.Recurred: (alerts.recurred, frozenset({Phase.CLOSED})),
    ev.MissionRequested: (on.mission_requested, frozenset({Phase.FILED})),
    ev.PullSeen: (on.pull_seen, OPEN_PULL | {Phase.REVERTING}),
    ev.ReviewSeen: (on.review_seen, FORWARD | {Phase.REVERTING}),
    ev.ChangeRead: (on.change_read, OPEN_PULL | {Phase.REVERTING}),
    ev.CheckSeen: (outcomes.nothing, FORWARD | {Phase.REVERTING}),
    ev.ResultsReported: (outcomes.results_reported, FORWARD | {Phase.REVERTING}),
    ev.CheckRequested: (outcomes.check_requested, LIVE | {Phase.CLOSED}),
    ev.BasePushed: (outcomes.base_pushed, LIVE),
    ev.BaseRead: (outcomes.base_read, LIVE),
    ev.GroupSeen: (outcomes.group_seen, FORWARD | {Phase.REVERTING}),
    ev.TreeRead: (outcomes.tree_read, FORWARD | {Phase.REVERTING}),
    ev.RefRead: (on.ref_read, FORWARD),
    ev.PatchInspected: (outcomes.nothing, FORWARD),
    ev.LabelSeen: (outcomes.nothing, FORWARD),
    ev.TeamRead: (outcomes.nothing, FORWARD),
    ev.AttestationsVerified: (outcomes.nothing, FORWARD),
    ev.TicketClosed: (tickets.ticket_closed, ALL),
    ev.Enqueued: (outcomes.enqueued, frozenset({Phase.MERGING, Phase.REVERTING})),
    ev.Dequeued: (outcomes.dequeued, frozenset({Phase.MERGING, Phase.REVERTING})),
    ev.DeploymentSeen: (outcomes.nothing, LANDED | {Phase.MERGING}),
    ev.ContainsRead: (outcomes.nothing, LANDED),
    ev.BranchPushed: (outcomes.branch_pushed, FORWARD),
    ev.PatchRefused: (outcomes.patch_refused, frozenset({Phase.PATCHING})),
    ev.PullOpened: (outcomes.pull_opened, FORWARD | {Phase.REVERTING}),
    ev.Published: (outcomes.published, LIVE | {Phase.CLOSED}),
    ev.Merged: (outcomes.merged, OPEN_PULL | {Phase.REVERTING}),
    ev.MergeRefused: (outcomes.merge_refused, frozenset({Phase.MERGING, Phase.REVERTING})),
    ev.MetricsSampled: (outcomes.metrics_sampled, frozenset({Phase.OBSERVING})),
    ev.BaselineRead: (outcomes.baseline_read, frozenset({Phase.OBSERVING})),
    ev.MemoryRead: (seeking.memory_read, FORWARD),
    ev.AgentAsked: (asking.agent_asked, FORWARD),
    ev.AgentRunEnded: (asking.run_ended, FORWARD),
    ev.ProposalMade: (asking.proposal_made, FORWARD),
    ev.ProposalAwaited: (asking.proposal_awaited, FORWARD),
    ev.RunReported: (healing.run_reported, frozenset({Phase.EXECUTING})),
    ev.RevertPushed: (revert_outcomes.revert_pushed, frozenset({Phase.REVERTING})),
    ev.RevertRefused: (revert_outcomes.revert_refused, frozenset({Phase.REVERTING})),
    ev.IssueFiled: (outcomes.issue_filed, ALL),
    ev.EffectDone: (outcomes.nothing, LIVE),
    ev.EffectFailed: (failures.effect_failed, LIVE),
    ev.RepositoryGone: (outcomes.repository_gone, LIVE),
    ev.RepositoryRenamed: (outcomes.repository_renamed, LIVE),
    ev.Ticked: (outcomes.nothing, LIVE),
}

# Nothing changes the decision: the phase is past it, or not there yet and the facts keep it.
_LATE = frozenset({Phase.MERGING, Phase.OBSERVING, Phase.REVERTING, Phase.CLOSED})
_BEFORE_WORK = WAITING_ROOM | {Phase.CLOSED}
_NO_PULL = _BEFORE_WORK | {*(Phase.PLANNING, Phase.PATCHING, Phase.EXECUTING, Phase.OBSERVING)}
_CLOSED = frozenset({Phase.CLOSED})
IGNORED: dict[type[ev.Event], frozenset[Phase]] = {
    ev.IssueSeen: _LATE,
    ev.IssueClosed: _LATE - {Phase.MERGING},
    ev.CommandGiven: frozenset(),
    ev.PermissionRead: frozenset(),
    ev.AlertSeen: _CLOSED,
    ev.Recurred: LIVE,
    ev.MissionRequested: ALL - {Phase.FILED},
    ev.PullSeen: _NO_PULL,
    ev.ReviewSeen: _BEFORE_WORK | {Phase.OBSERVING},
    ev.ChangeRead: _NO_PULL,
    ev.CheckSeen: _BEFORE_WORK | {Phase.OBSERVING},
    ev.ResultsReported: _BEFORE_WORK | {Phase.OBSERVING},
    ev.CheckRequested: frozenset(),
    ev.BasePushed: _CLOSED,
    ev.BaseRead: _CLOSED,
    ev.GroupSeen: _BEFORE_WORK | {Phase.OBSERVING},
    ev.TreeRead: _BEFORE_WORK | {Phase.OBSERVING},
    ev.RefRead: ALL - FORWARD,
    ev.PatchInspected: ALL - FORWARD,
    ev.LabelSeen: ALL - FORWARD,
    ev.TeamRead: ALL - FORWARD,
    ev.AttestationsVerified: ALL - FORWARD,
    ev.TicketClosed: frozenset(),
    ev.Enqueued: ALL - {Phase.MERGING, Phase.REVERTING},
    ev.Dequeued: ALL - {Phase.MERGING, Phase.REVERTING},
    ev.DeploymentSeen: ALL - LANDED - {Phase.MERGING},
    ev.ContainsRead: ALL - LANDED,
    ev.BranchPushed: ALL - FORWARD,
    ev.PatchRefused: ALL - {Phase.PATCHING},
    ev.PullOpened: _BEFORE_WORK | {Phase.OBSERVING},
    ev.Published: frozenset(),
    ev.Merged: _NO_PULL,
    ev.MergeRefused: ALL - {Phase.MERGING, Phase.REVERTING},
    ev.MetricsSampled: ALL - {Phase.OBSERVING},
    ev.BaselineRead: ALL - {Phase.OBSERVING},
    ev.MemoryRead: ALL - FORWARD,
    ev.AgentAsked: ALL - FORWARD,
    ev.AgentRunEnded: ALL - FORWARD,
    ev.ProposalMade: ALL - FORWARD,
    ev.ProposalAwaited: ALL - FORWARD,
    ev.RunReported: ALL - {Phase.EXECUTING},
    ev.RevertPushed: ALL - {Phase.REVERTING},
    ev.RevertRefused: ALL - {Phase.REVERTING},
    ev.IssueFiled: frozenset(),
    ev.EffectDone: _CLOSED,
    ev.EffectFailed: _CLOSED,
    ev.RepositoryGone: _CLOSED,
    ev.RepositoryRenamed: _CLOSED,
    ev.Ticked: _CLOSED,
}


def react(draft: Draft, event: ev.Event) -> None:
    """Apply one event to the mission, where its phase hears it."""
    handler, phases = HEARD[type(event)]
    if draft.mission.phase in phases:
        handler(draft, event)
