"""What comes of preparing and landing a revert, and what each changes in a mission."""

from grace.domain import events as ev
from grace.domain import reverts
from grace.domain.lifecycle.draft import Draft
from grace.domain.mission import Landing, Revert


def change(draft: Draft, **changes: object) -> None:
    """Change fields of the revert."""
    draft.set(revert=revert_of(draft).model_copy(update=changes))


def revert_of(draft: Draft) -> Revert:
    """Return the revert of a reverting mission."""
    assert draft.mission.revert is not None  # set with the phase
    return draft.mission.revert


def revert_pushed(draft: Draft, event: ev.RevertPushed) -> None:
    """Record the prepared revert."""
    revert = revert_of(draft)
    blocked = reverts.overlap(event.overlapping) if event.overlapping else revert.blocked
    if not event.restores:
        blocked = reverts.NOT_RESTORED
    update = {"head": event.head, "base": event.base, "tree": event.tree}
    change(
        draft,
        **update,
        before=event.before,
        before_tree=event.before_tree,
        overlapping=event.overlapping,
        restores=event.restores,
        blocked=blocked,
        pushed_at=draft.now,
    )
    draft.note("revert_pushed", **update, overlapping=list(event.overlapping))


def revert_refused(draft: Draft, event: ev.RevertRefused) -> None:
    """Leave to a person what a machine cannot make; what is undone already is as if it landed."""
    if event.undone_at is None or event.tree is None:
        change(draft, blocked=event.reason)
        draft.note("revert_refused", reason=event.reason)
        return
    change(
        draft,
        landed=Landing(sha=event.undone_at, tree=event.tree, at=draft.now),
        before_tree=event.before_tree,
        restores=True,
        restored=True,
        by_hand=True,
    )
    draft.note("undone_by_hand", sha=event.undone_at, tree=event.tree, reason=event.reason)


def revert_landed(draft: Draft, event: ev.Merged) -> None:
    """Record that the revert landed, and what git says of the tree."""
    revert = draft.mission.revert
    if revert is None or revert.landed is not None:
        return
    landing = Landing(sha=event.sha, tree=event.tree, at=event.at)
    change(
        draft,
        landed=landing,
        restored=event.restored,
        before_tree=event.before_tree or revert.before_tree,
        differing=event.differing,
    )
    draft.note("reverted", merge_sha=event.sha, tree=event.tree, queued=revert.queued)
