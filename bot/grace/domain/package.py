"""The mission package: the public schema of a mission, from which the JSON Schema is exported."""

from enum import StrEnum
from typing import Annotated, Literal, Self, assert_never

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from grace.domain.base import Frozen
from grace.domain.phase import MissionType, Outcome, Severity, Status
from grace.domain.results import Sha

MISSION_ID = r"^mission_\d{8}_\d{3,}$"
MissionId = Annotated[str, StringConstraints(pattern=MISSION_ID)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$")]
MetricId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Comparator = Literal["<", "<=", ">", ">=", "=="]
Finite = Annotated[float, Field(allow_inf_nan=False)]
MINUTES_PER_DAY = 1440


class MissionContext(Frozen):
    """The target repository as it was when the mission started."""

    git_sha: Sha
    config_hash: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
    env: str
    branch: str
    version: str


class Symptom(Frozen):
    """One thing that is wrong, and by which measure."""

    description: Text
    metric_id: MetricId | None = None
    observed_value: Finite | None = None
    threshold: Finite | None = None


class Evidence(Frozen):
    """Something that supports a claim; by reference or as an excerpt, with its digest."""

    kind: Literal["log", "test", "metric", "diagnostic"]
    uri: str | None = None
    excerpt: Annotated[str, Field(max_length=20_000)] | None = None
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    at: AwareDatetime
    source: str

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.uri is None) == (self.excerpt is None):
            raise ValueError("give either uri or excerpt")
        return self


class MetricTarget(Frozen):
    """What a metric must be for the mission to count as fixed."""

    metric_id: MetricId
    comparator: Comparator
    target: Finite
    rolling_window_minutes: Annotated[float, Field(gt=0, le=MINUTES_PER_DAY)] = 10

    def holds(self, value: float) -> bool:
        """Compare `value`, in the unit of the metrics catalog, with the target."""
        match self.comparator:
            case "<":
                return value < self.target
            case "<=":
                return value <= self.target
            case ">":
                return value > self.target
            case ">=":
                return value >= self.target
            case "==":
                return value == self.target
            case _ as never:
                assert_never(never)

    def __str__(self) -> str:
        return f"{self.metric_id} {self.comparator} {self.target:g}"


class AcceptanceCriteria(Frozen):
    """How we will know that it is fixed."""

    must_pass_tests: Annotated[tuple[Text, ...], Field(max_length=200)] = ()
    metric_targets: Annotated[tuple[MetricTarget, ...], Field(max_length=50)] = ()
    observation_window_minutes: Annotated[float, Field(gt=0, le=13 * MINUTES_PER_DAY)] = 30


class PatchCandidate(Frozen):
    """A proposed fix: a unified diff, or a branch or commit of the same repository."""

    name: Name
    diff: Annotated[str, Field(min_length=1, max_length=200_000)] | None = None
    ref: Annotated[str, StringConstraints(pattern=r"^\w[\w./-]{0,199}$")] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.diff is None) == (self.ref is None):
            raise ValueError("give either diff or ref")
        return self


class WorkspaceInfo(Frozen):
    """Where the fix is made, and from what."""

    repo_path: str | None = None
    working_branch: str | None = None
    patch_candidates: Annotated[tuple[PatchCandidate, ...], Field(max_length=10)] = ()
    dependencies: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [c.name for c in self.patch_candidates]
        if len(set(names)) != len(names):
            raise ValueError("two patch candidates have the same name")
        return self


class MemoryScope(StrEnum):
    """What an agent may write to memory."""

    READ_ONLY = "read_only"
    PROPOSE = "propose"
    PERSIST = "persist"


class TrustRequirements(Frozen):
    """Who may fix it."""

    required_trust_score: Annotated[float, Field(ge=0, le=1)] = 0.0
    allowed_roles: tuple[Name, ...] = ()
    memory_write_scope: MemoryScope = MemoryScope.PROPOSE
    requires_governance_approval: bool = True


class CryptoSignature(Frozen):
    """A signature over something the mission produced."""

    key_id: str
    algorithm: Literal["ed25519"] = "ed25519"
    signature: str
    signed: str
    at: AwareDatetime


class RemediationEvent(Frozen):
    """One step that was taken, as the ledger recorded it."""

    action: str
    actor: str
    stage: str
    outcome: str
    at: AwareDatetime
    ledger_entry: int


class MetricObservation(Frozen):
    """One measured value. `value` None: the source answered nothing usable, and `note` says why.

    `idle`: it answered that there was nothing to measure, as of an error rate without requests.
    """

    metric_id: MetricId
    value: Finite | None
    unit: str = ""
    window_s: float = 0.0
    samples: int = 1
    at: AwareDatetime
    source: str
    note: str = ""
    idle: bool = False


class MissionRequest(Frozen):
    """What a person, an API call or an alert asks for; freezing a contract freezes this."""

    subsystem_id: Name
    severity: Severity
    mission_type: MissionType = MissionType.CODING
    parent_id: MissionId | None = None
    detected_by: Annotated[str, Field(max_length=200)] | None = None
    assigned_to: Annotated[str, Field(max_length=200)] | None = None
    summary: Annotated[str, Field(max_length=10_000)] = ""
    symptoms: Annotated[tuple[Symptom, ...], Field(min_length=1, max_length=50)]
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=50)] = ()
    acceptance_criteria: AcceptanceCriteria
    workspace: WorkspaceInfo = WorkspaceInfo()
    trust_requirements: TrustRequirements = TrustRequirements()


class MissionPackage(MissionRequest):
    """A mission as the world sees it.

    `effective`: False once its problem came back after it was closed as fixed; null: that did not
    happen.
    """

    mission_id: MissionId
    status: Status
    outcome: Outcome | None = None
    effective: bool | None = None
    created_at: AwareDatetime
    resolved_at: AwareDatetime | None = None
    context: MissionContext | None = None
    remediation_history: tuple[RemediationEvent, ...] = ()
    crypto_signatures: tuple[CryptoSignature, ...] = ()
