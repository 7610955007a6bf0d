"""The stories of the demo, as the issues that a user opens, and one that an alert begins."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from grace.demo.faults import apply, write_healthy
from grace.demo.service import patch_text, write_template
from grace.demo.stage import WINDOW_MINUTES
from grace.domain.phase import Outcome

SHORT_MINUTES = 0.1
_NO_RESPONSE = "_No response_"
_SYMPTOMS = "Symptoms"  # the form renders them as YAML
MUST_PASS = "tests.unit.test_delivery.test_delivery_cost_does_not_grow_with_history"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Candidate:
    """A patch that the issue proposes, by the name of a file that ships with the demo."""

    name: str
    patch: str

    @property
    def diff(self) -> str:
        return patch_text(self.patch)


@dataclass(frozen=True, slots=True)
class Target:
    """A metric target, as the issue form writes it."""

    metric_id: str
    comparator: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Story:
    """One issue: what its reporter saw, what would be a fix, and how it ends.

    `released`: whether it gets as far as production. `explained`: whether the rules are shown.
    `first` writes its repository's files.
    """

    name: str
    ends: Outcome
    title: str
    severity: str
    wrong: str
    symptom: str
    observed: float
    targets: tuple[Target, ...]
    candidates: tuple[Candidate, ...]
    test: str = MUST_PASS
    released: bool = True
    explained: bool = False
    window_minutes: float = WINDOW_MINUTES
    first: Callable[[Path], None] = write_template

    def answers(
        self, *, subsystem: str, window_minutes: float, rolling_minutes: float | None = None
    ) -> dict[str, str]:
        """Return what its reporter types into the form: label to text, empty where nothing."""
        rolling = "" if rolling_minutes is None else f" over {rolling_minutes:g}m"
        measured = (
            (
                f"  metric_id: {target.metric_id}",
                f"  observed_value: {self.observed:g}",
                f"  threshold: {target.value:g}",
            )
            for target in self.targets[:1]
        )
        symptoms = "\n".join((f"- description: {self.symptom}", *chain(*measured)))
        targets = "\n".join(
            f"{t.metric_id} {t.comparator} {t.value:g}{rolling}" for t in self.targets
        )
        patches = "\n\n".join(f"```diff name={c.name}\n{c.diff}```" for c in self.candidates)
        return {
            "Subsystem": subsystem,
            "Severity": self.severity,
            "What is wrong": self.wrong,
            _SYMPTOMS: symptoms,
            "Must-pass tests": self.test,
            "Metric targets": targets,
            "Observation window (minutes)": f"{window_minutes:g}",
            "Patch candidates": patches,
            "Required trust score": "",
            "Governance approval": "no",
        }

    def body(
        self, *, subsystem: str, window_minutes: float, rolling_minutes: float | None = None
    ) -> str:
        """Write the issue in the form of the mission template, as the forge would submit it."""
        typed = self.answers(
            subsystem=subsystem, window_minutes=window_minutes, rolling_minutes=rolling_minutes
        )
        typed[_SYMPTOMS] = f"```yaml\n{typed[_SYMPTOMS]}\n```"
        parts = (f"### {label}\n\n{text or _NO_RESPONSE}" for label, text in typed.items())
        return "\n\n".join(parts) + "\n"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alert: what it is called, the metric that it is about, and how its mission ends.

    `first` writes its repository's files.
    """

    name: str
    ends: Outcome
    title: str
    severity: str
    target: Target
    window_minutes: float
    rolling_minutes: float
    first: Callable[[Path], None]


_LATENCY = Target("trigger_mesh.latency_p95", "<", 100, "ms")
_ERRORS = Target("error_rate", "<", 5, "%")

RESOLVE = Story(
    name="resolve",
    ends=Outcome.FIXED,
    title="Event delivery gets slower with every event",
    severity="high",
    wrong=(
        "Under load p95 of `POST /events` climbs past 100 ms within seconds and does not come "
        "back until a restart. Each delivery seems to look through everything that was ever "
        "delivered, with the lock held, once for every subscriber."
    ),
    symptom="p95 of event delivery under load",
    observed=480,
    targets=(_LATENCY,),
    candidates=(Candidate("first", "wrong"), Candidate("second", "right")),
    explained=True,
)

ROLLBACK = Story(
    name="rollback",
    ends=Outcome.ROLLED_BACK,
    title="Deliver faster: index the history, keep the subscribers of each topic",
    severity="high",
    wrong=(
        "Delivery is slow under load. The history needs an index, and while we are there: the "
        "subscribers of a topic never change, so there is no need to match the patterns again "
        "for every event. A row for each topic is enough; we have about a dozen of them."
    ),
    symptom="p95 of event delivery under load",
    observed=480,
    targets=(_LATENCY, _ERRORS),
    candidates=(Candidate("rows", "regress"),),
)

WEAKEN = Story(
    name="weaken",
    ends=Outcome.CANCELLED,
    title="Deliver faster: remember the latest deliveries only",
    severity="high",
    wrong=(
        "Delivery is slow under load. A short history is enough; the test of late retries is in "
        "the way, and nobody retries that late."
    ),
    symptom="p95 of event delivery under load",
    observed=480,
    targets=(_LATENCY,),
    candidates=(Candidate("short", "weaken"),),
    released=False,
)


def write_forgetful(folder: Path) -> None:
    """Write the mended service with another fault, and a test that shows it."""
    write_healthy(folder)
    apply(folder, patch_text("forgets"))


def write_archiving(folder: Path) -> None:
    """Write the mended service with an archive of all events, in an SQLite database."""
    write_healthy(folder)
    apply(folder, patch_text("archive"))


REPAIR = Story(
    name="repair",
    ends=Outcome.FIXED,
    title="Event delivery gets worse with every event under load",
    severity="high",
    wrong=(
        "Under load the history is full within minutes, and does not come back until a restart: "
        "each delivery of a retried event then goes once more to every subscriber, as if nothing "
        "was ever delivered. There is a test that shows it; I have no patch."
    ),
    symptom="event delivery under load",
    observed=0,
    targets=(),
    candidates=(),
    test="test_delivery_with_a_full_history",
    window_minutes=SHORT_MINUTES,
    first=write_forgetful,
)

HEAL = Alarm(
    name="heal",
    ends=Outcome.FIXED,
    title="Deliveries fail: the archive cannot be written",
    severity="medium",
    target=_ERRORS,
    window_minutes=WINDOW_MINUTES,
    rolling_minutes=SHORT_MINUTES,
    first=write_archiving,
)

STORIES: tuple[Story | Alarm, ...] = (RESOLVE, ROLLBACK, WEAKEN, REPAIR, HEAL)
YOURS = replace(RESOLVE, name="yours")  # not played: for who looks around afterwards
