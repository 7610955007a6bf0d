"""How each kind of effect is done once, though it may run twice."""

from dataclasses import dataclass

from grace.domain.effects import (
    AskAgent,
    CloseIssue,
    ClosePull,
    Dequeue,
    Effect,
    FileIssue,
    InspectPatch,
    MarkReady,
    MergePull,
    OfferRun,
    OpenPull,
    PublishCheck,
    PublishComment,
    PublishLedger,
    PushPatch,
    PushRevert,
    React,
    ReadBase,
    ReadBaseline,
    ReadContains,
    ReadMemory,
    ReadPermission,
    ReadProposal,
    ReadPull,
    ReadRef,
    ReadReport,
    ReadTeam,
    ReadTree,
    Reply,
    RequestReview,
    SampleMetrics,
    SetLabels,
    VerifyAttestations,
    WithdrawRun,
)


@dataclass(frozen=True, slots=True)
class EffectRule:
    """How one kind of effect is done once.

    `marker`: what it leaves at the forge. `probe`: how the marker is found again.
    `conflict`: what is done when the world has moved.
    """

    marker: str
    probe: str
    conflict: str


_READ = EffectRule("none: it only reads", "none needed", "none")

EFFECT_RULES: dict[type[Effect], EffectRule] = {
    ReadPermission: _READ,
    ReadBase: _READ,
    ReadPull: _READ,
    ReadContains: _READ,
    ReadReport: _READ,
    ReadTree: _READ,
    ReadRef: _READ,
    InspectPatch: _READ,
    ReadTeam: _READ,
    VerifyAttestations: _READ,
    SampleMetrics: _READ,
    ReadBaseline: _READ,
    ReadMemory: _READ,
    ReadProposal: _READ,
    AskAgent: EffectRule(
        "a workflow run whose name has the request's key",
        "on a second try the workflow's runs since it was asked for are searched for the key",
        "the one found is taken",
    ),
    OfferRun: EffectRule(
        "a row with the run's key among the runs of playbooks",
        "the row is there or not; offering twice is offering once",
        "a target that is busy keeps the run waiting",
    ),
    WithdrawRun: EffectRule("the run's row", "withdrawing twice is withdrawing once", "none"),
    React: EffectRule("the reaction", "reacting twice is reacting once", "none"),
    Reply: EffectRule(
        "an HTML comment with mission and command",
        "on a second try the comments are searched for the marker",
        "the one found stands",
    ),
    PushPatch: EffectRule(
        "SHA of the work branch",
        "the same commit is made again: the same bytes by git, tree and message by the API",
        "a lease on the expected SHA; another SHA fails with its name",
    ),
    OpenPull: EffectRule(
        "the pull request's head branch",
        "the forge refuses a second one with 422; the open one is looked up by head",
        "the open one is taken",
    ),
    MarkReady: EffectRule("the pull request is no draft", "marking twice is marking once", "none"),
    PublishComment: EffectRule(
        "an HTML comment with mission and surface",
        "on a second try the comments are searched for the marker",
        "the newest state wins",
    ),
    PublishCheck: EffectRule(
        "external_id: mission and surface",
        "on a second try the check runs of the SHA are searched for the external_id",
        "the newest state wins",
    ),
    RequestReview: EffectRule("requested reviewers", "asking twice is asking once", "none"),
    SetLabels: EffectRule("labels", "setting twice is setting once", "none"),
    MergePull: EffectRule(
        "the pull request's merge state",
        "on a second try the pull request, and its place in a merge queue, are read first",
        "405 and 409 come back as a refusal with its reason",
    ),
    Dequeue: EffectRule(
        "the pull request's place in the merge queue",
        "the place is read first; out of the queue is done",
        "what landed meanwhile comes back as a landing",
    ),
    PushRevert: EffectRule(
        "SHA of the revert branch",
        "the revert branch is read first; a commit of ours there is taken",
        "conflict and overlap come back as a refusal",
    ),
    FileIssue: EffectRule(
        "an HTML comment with mission and purpose in the body",
        "on a second try issues with the label are searched for the marker",
        "the one found is taken",
    ),
    CloseIssue: EffectRule("the issue's state", "closing twice is closing once", "none"),
    ClosePull: EffectRule("the pull request's state", "closing twice is closing once", "none"),
    PublishLedger: EffectRule(
        "branch grace-ledger",
        "the tree is compared before a push",
        "a lease; retried once on the new tip",
    ),
}
