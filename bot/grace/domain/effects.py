"""Everything a decision can ask of the world: one closed union.

An effect is carried out at least once and seen at most once: its key is stored with the decision,
it leaves a marker at the forge, and when it may have happened already the probe looks for that
marker before anything is done again; `effect_rules` says what and how, kind by kind.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, TypeAdapter

from grace.domain.base import Frozen
from grace.domain.package import MetricId, MetricTarget, PatchCandidate
from grace.domain.playbooks.run import RunOrder
from grace.domain.proposals import AgentTask, RequestKey
from grace.domain.ranges import PullCommits
from grace.domain.results import ArtifactReport, Sha


class EffectBase(Frozen):
    """`key` is unique in its mission; in a `slot` a newer effect replaces one not yet begun."""

    key: str
    slot: str | None = None


class ReadPermission(EffectBase):
    """`user_id`: the account that `login` has to be; 0: whoever has it."""

    kind: Literal["read_permission"] = "read_permission"
    login: str
    about: str
    user_id: int = 0


class ReadBase(EffectBase):
    kind: Literal["read_base"] = "read_base"
    branch: str


class ReadPull(EffectBase):
    kind: Literal["read_pull"] = "read_pull"
    number: int


class ReadContains(EffectBase):
    """Ask whether `head`, which was deployed, contains the commit that landed, or its revert."""

    kind: Literal["read_contains"] = "read_contains"
    head: Sha
    landed: Sha
    of: Literal["landing", "revert"] = "landing"


class ReadReport(EffectBase):
    """Fetch the report that CI left as an artifact of its run on `head`."""

    kind: Literal["read_report"] = "read_report"
    head: Sha


class ReadTree(EffectBase):
    kind: Literal["read_tree"] = "read_tree"
    sha: Sha


class ReadRef(EffectBase):
    """Ask which commit a candidate's branch or commit is now: what was seen is what is pushed."""

    kind: Literal["read_ref"] = "read_ref"
    candidate: str
    ref: str


class InspectPatch(EffectBase):
    """Read from git what a patch changes, and the rules that stand at its base."""

    kind: Literal["inspect_patch"] = "inspect_patch"
    base: Sha
    head: Sha


class ReadTeam(EffectBase):
    """Ask whether somebody is in a team, `organisation/team`."""

    kind: Literal["read_team"] = "read_team"
    login: str
    team: str


class VerifyAttestations(EffectBase):
    """Verify, without a network, the sigstore bundles that CI reported with a head."""

    kind: Literal["verify_attestations"] = "verify_attestations"
    head: Sha
    artifacts: tuple[ArtifactReport, ...]


class ReadMemory(EffectBase):
    """Ask memory for missions like this one, and what held in them."""

    kind: Literal["read_memory"] = "read_memory"


class AskAgent(EffectBase):
    """Have the forge run an agent: `workflow` is the file on `branch` that does it."""

    kind: Literal["ask_agent"] = "ask_agent"
    task: AgentTask
    workflow: str
    branch: str


class ReadProposal(EffectBase):
    """Read what an agent's run left; one that is not to be found since `since` was never begun."""

    kind: Literal["read_proposal"] = "read_proposal"
    request: RequestKey
    agent: str
    base: Sha
    workflow: str
    branch: str
    since: AwareDatetime


class OfferRun(EffectBase):
    """Lay out a run of a playbook for the runner of its target."""

    kind: Literal["offer_run"] = "offer_run"
    order: RunOrder


class WithdrawRun(EffectBase):
    """Take back a run: one that no runner has begun is begun no more, another stops at a step."""

    kind: Literal["withdraw_run"] = "withdraw_run"
    run: RequestKey
    reason: str


class React(EffectBase):
    """React to the comment that a command stands in."""

    kind: Literal["react"] = "react"
    comment: str
    reaction: Literal["eyes", "+1"]


class Reply(EffectBase):
    """Answer a command in a comment of its own; `surface` is its marker."""

    kind: Literal["reply"] = "reply"
    number: int
    surface: str
    body: str


class PushPatch(EffectBase):
    """Apply `candidate` on `base` and push it to `branch`.

    `expected` is filled in when it is carried out: what we know the branch to be at by then.
    """

    kind: Literal["push_patch"] = "push_patch"
    attempt: int
    candidate: PatchCandidate
    base: Sha
    branch: str
    expected: Sha | None = None
    subject: str
    body: str
    agent: str
    protected_paths: tuple[str, ...] = ()


class OpenPull(EffectBase):
    kind: Literal["open_pull"] = "open_pull"
    purpose: Literal["work", "revert"]
    head_branch: str
    base_branch: str
    head: Sha
    title: str
    body: str
    draft: bool = False


class MarkReady(EffectBase):
    """Make a draft a pull request that is ready for review."""

    kind: Literal["mark_ready"] = "mark_ready"
    number: int


class PublishComment(EffectBase):
    """The sticky comment on an issue or pull request; `audit` appends table and ledger head."""

    kind: Literal["publish_comment"] = "publish_comment"
    surface: Literal["issue", "pull"]
    number: int
    id: str | None
    body: str
    digest: str
    audit: bool = False


class Annotation(Frozen):
    """A remark on a line of a file, at the check that found it."""

    path: str
    line: int
    title: str
    message: str
    level: Literal["notice", "warning", "failure"] = "failure"


Button = Literal["approve", "retry", "rollback"]


class PublishCheck(EffectBase):
    """A check run; `conclusion` None leaves it in progress."""

    kind: Literal["publish_check"] = "publish_check"
    surface: str
    name: str
    sha: Sha
    id: str | None
    conclusion: Literal["success", "failure", "neutral", "action_required"] | None
    title: str
    summary: str
    digest: str
    buttons: tuple[Button, ...] = ()
    annotations: tuple[Annotation, ...] = ()


class RequestReview(EffectBase):
    kind: Literal["request_review"] = "request_review"
    number: int
    reviewers: tuple[str, ...]


class SetLabels(EffectBase):
    kind: Literal["set_labels"] = "set_labels"
    number: int
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class MergePull(EffectBase):
    """Merge exactly `head`; `tree` is what was tested and what the message is signed over."""

    kind: Literal["merge_pull"] = "merge_pull"
    purpose: Literal["work", "revert"]
    number: int
    head: Sha
    tree: Sha
    method: Literal["merge", "squash", "rebase"]
    subject: str
    body: str
    agent: str
    approved_by: tuple[str, ...] = ()


class Dequeue(EffectBase):
    """Take a pull request out of the merge queue; `reason` says why it is not wanted any more."""

    kind: Literal["dequeue"] = "dequeue"
    number: int
    reason: str


class SampleMetrics(EffectBase):
    kind: Literal["sample_metrics"] = "sample_metrics"
    metric_ids: tuple[MetricId, ...]


class ReadBaseline(EffectBase):
    """Read what metrics were like before `before`, from the samples that are kept.

    `targets`: what the window judges, which shares one budget of errors; `minutes`: how long it is.
    """

    kind: Literal["read_baseline"] = "read_baseline"
    targets: tuple[MetricTarget, ...]
    before: AwareDatetime
    minutes: float


class PushRevert(EffectBase):
    """Undo `landed` on the base's tip; `again`: it moved. `pull`: of commits not ours alone."""

    kind: Literal["push_revert"] = "push_revert"
    landed: Sha
    pull: PullCommits | None = None
    again: bool = False
    branch: str
    base_branch: str
    subject: str
    body: str


class FileIssue(EffectBase):
    kind: Literal["file_issue"] = "file_issue"
    purpose: Literal["mission", "capa", "review"]
    title: str
    body: str
    labels: tuple[str, ...]


class CloseIssue(EffectBase):
    kind: Literal["close_issue"] = "close_issue"
    number: int
    reason: Literal["completed", "not_planned"]


class ClosePull(EffectBase):
    kind: Literal["close_pull"] = "close_pull"
    number: int


class PublishLedger(EffectBase):
    kind: Literal["publish_ledger"] = "publish_ledger"


Effect = (
    ReadPermission
    | ReadBase
    | ReadPull
    | ReadContains
    | ReadReport
    | ReadTree
    | ReadRef
    | InspectPatch
    | ReadTeam
    | VerifyAttestations
    | ReadMemory
    | AskAgent
    | ReadProposal
    | OfferRun
    | WithdrawRun
    | React
    | Reply
    | PushPatch
    | OpenPull
    | MarkReady
    | PublishComment
    | PublishCheck
    | RequestReview
    | SetLabels
    | MergePull
    | Dequeue
    | SampleMetrics
    | ReadBaseline
    | PushRevert
    | FileIssue
    | CloseIssue
    | ClosePull
    | PublishLedger
)
EFFECT: TypeAdapter[Effect] = TypeAdapter(Annotated[Effect, Field(discriminator="kind")])
EFFECT_TYPES: tuple[type[Effect], ...] = Effect.__args__
