"""Which phase hears which event.

`HEARD` and `IGNORED` together name every pair of phase and event. An event that is ignored in a
phase changes no decision there; the facts keep what it says while the mission lives.
"""

from collections.abc import Callable

from grace.domain import events as ev
from grace.domain.lifecycle import reactions as on
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.reactions import ALL, AT_WORK, LIVE, OPEN_PULL
from grace.domain.phase import FORWARD, WAITING_ROOM, Phase

Handler = Callable[..., None]

HEARD: dict[type[ev.Event], tuple[Handler, frozenset[Phase]]] = {
    ev.IssueSeen: (on.issue_seen, WAITING_ROOM | AT_WORK),
    ev.IssueClosed: (on.issue_closed, WAITING_ROOM | AT_WORK),
    ev.CommandGiven: (on.command_given, LIVE),
    ev.PermissionRead: (on.permission_read, LIVE),
    ev.AlertSeen: (on.alert_seen, LIVE),
    ev.PullSeen: (on.pull_seen, OPEN_PULL | {Phase.REVERTING}),
    ev.ReviewSeen: (on.review_seen, FORWARD),
    ev.ChangeRead: (on.change_read, OPEN_PULL | {Phase.REVERTING}),
    ev.CheckSeen: (on.nothing, FORWARD | {Phase.REVERTING}),
    ev.ResultsReported: (on.results_reported, FORWARD | {Phase.REVERTING}),
    ev.BasePushed: (on.base_pushed, LIVE),
    ev.BaseRead: (on.base_read, LIVE),
    ev.DeploymentSeen: (on.nothing, frozenset({Phase.MERGING, Phase.OBSERVING})),
    ev.ContainsRead: (on.nothing, frozenset({Phase.OBSERVING})),
    ev.BranchPushed: (on.branch_pushed, FORWARD),
    ev.PatchRefused: (on.patch_refused, frozenset({Phase.PATCHING})),
    ev.PullOpened: (on.pull_opened, FORWARD | {Phase.REVERTING}),
    ev.Published: (on.published, LIVE | {Phase.CLOSED}),
    ev.Merged: (on.merged, OPEN_PULL | {Phase.REVERTING}),
    ev.MergeRefused: (on.merge_refused, frozenset({Phase.MERGING, Phase.REVERTING})),
    ev.MetricsSampled: (on.metrics_sampled, frozenset({Phase.OBSERVING})),
    ev.RevertPushed: (on.revert_pushed, frozenset({Phase.REVERTING})),
    ev.RevertRefused: (on.revert_refused, frozenset({Phase.REVERTING})),
    ev.IssueFiled: (on.issue_filed, LIVE),
    ev.EffectDone: (on.nothing, LIVE),
    ev.EffectFailed: (on.effect_failed, LIVE),
    ev.RepositoryGone: (on.repository_gone, LIVE),
    ev.Ticked: (on.nothing, LIVE),
}

# Nothing changes the decision: the phase is past it, or not there yet and the facts keep it.
_LATE = frozenset({Phase.MERGING, Phase.OBSERVING, Phase.REVERTING, Phase.CLOSED})
_BEFORE_WORK = WAITING_ROOM | {Phase.CLOSED}
_CLOSED = frozenset({Phase.CLOSED})
IGNORED: dict[type[ev.Event], frozenset[Phase]] = {
    ev.IssueSeen: _LATE,
    ev.IssueClosed: _LATE,
    ev.CommandGiven: _CLOSED,
    ev.PermissionRead: _CLOSED,
    ev.AlertSeen: _CLOSED,
    ev.PullSeen: _BEFORE_WORK | {Phase.PLANNING, Phase.PATCHING, Phase.OBSERVING},
    ev.ReviewSeen: _BEFORE_WORK | {Phase.OBSERVING, Phase.REVERTING},
    ev.ChangeRead: _BEFORE_WORK | {Phase.PLANNING, Phase.PATCHING, Phase.OBSERVING},
    ev.CheckSeen: _BEFORE_WORK | {Phase.OBSERVING},
    ev.ResultsReported: _BEFORE_WORK | {Phase.OBSERVING},
    ev.BasePushed: _CLOSED,
    ev.BaseRead: _CLOSED,
    ev.DeploymentSeen: ALL - {Phase.MERGING, Phase.OBSERVING},
    ev.ContainsRead: ALL - {Phase.OBSERVING},
    ev.BranchPushed: ALL - FORWARD,
    ev.PatchRefused: ALL - {Phase.PATCHING},
    ev.PullOpened: _BEFORE_WORK | {Phase.OBSERVING},
    ev.Published: frozenset(),
    ev.Merged: _BEFORE_WORK | {Phase.PLANNING, Phase.PATCHING, Phase.OBSERVING},
    ev.MergeRefused: ALL - {Phase.MERGING, Phase.REVERTING},
    ev.MetricsSampled: ALL - {Phase.OBSERVING},
    ev.RevertPushed: ALL - {Phase.REVERTING},
    ev.RevertRefused: ALL - {Phase.REVERTING},
    ev.IssueFiled: _CLOSED,
    ev.EffectDone: _CLOSED,
    ev.EffectFailed: _CLOSED,
    ev.RepositoryGone: _CLOSED,
    ev.Ticked: _CLOSED,
}


def react(draft: Draft, event: ev.Event) -> None:
    """Apply one event to the mission, where its phase hears it."""
    handler, phases = HEARD[type(event)]
    if draft.mission.phase in phases:
        handler(draft, event)
