"""What is written down of a run, word by word, before and after everything that is done.

Who reads the words knows how the run stands, whatever ended the process that wrote them.
"""

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field, TypeAdapter

from grace.domain.base import Frozen
from grace.domain.playbooks.action import Found, Scalar
from grace.domain.playbooks.playbook import StepId
from grace.domain.playbooks.run import About, RunOrder, RunState, StepReport
from grace.domain.proposals import MAX_DIFF

Sentence = Annotated[str, Field(max_length=1000)]
Findings = dict[StepId, dict[str, Scalar]]
Doing = Literal["look", "act", "verify", "undo"]
# When it is looked whether it is healed, besides before a step: to begin at all, and at the end.
START: Final = ""
END: Final = "."


class Ordered(Frozen):
    """A runner got an order, whole."""

    kind: Literal["ordered"] = "ordered"
    order: RunOrder
    at: AwareDatetime


class TakenUp(Frozen):
    """A process took the run up, at first or again: what was under way may be half done."""

    kind: Literal["taken_up"] = "taken_up"
    at: AwareDatetime


class Looked(Frozen):
    """An action looked at the target.

    `before`: what waits to hear whether it is healed; None: it is a step's own look.
    """

    kind: Literal["looked"] = "looked"
    step: StepId
    before: str | None = None
    holds: bool
    sentence: Sentence
    found: Found = {}
    about: About = ""
    diff: Annotated[str, Field(max_length=MAX_DIFF)] | None = None
    at: AwareDatetime


class Intended(Frozen):
    """A step is about to be done; from here on it may have happened."""

    kind: Literal["intended"] = "intended"
    step: StepId
    at: AwareDatetime


class Acted(Frozen):
    """A step's action says that it did it."""

    kind: Literal["acted"] = "acted"
    step: StepId
    sentence: Sentence
    found: Found = {}
    diff: Annotated[str, Field(max_length=MAX_DIFF)] | None = None
    at: AwareDatetime


class Verified(Frozen):
    """It was looked whether a step's effect is there."""

    kind: Literal["verified"] = "verified"
    step: StepId
    holds: bool
    sentence: Sentence
    found: Found = {}
    diff: Annotated[str, Field(max_length=MAX_DIFF)] | None = None
    at: AwareDatetime


class Failed(Frozen):
    """Something could not be done. `sure`: the action said so itself, so that nothing is half done.

    `wrong`: the target is not the one that was meant, and was not touched.
    """

    kind: Literal["failed"] = "failed"
    step: StepId
    before: str | None = None
    doing: Doing
    sentence: Sentence
    sure: bool = True
    wrong: bool = False
    at: AwareDatetime


class Undoing(Frozen):
    """A step is about to be taken back."""

    kind: Literal["undoing"] = "undoing"
    step: StepId
    at: AwareDatetime


class TakenBack(Frozen):
    """A step was taken back."""

    kind: Literal["taken_back"] = "taken_back"
    step: StepId
    sentence: Sentence
    found: Found = {}
    at: AwareDatetime


class Closed(Frozen):
    """A step is over, or was taken back."""

    kind: Literal["closed"] = "closed"
    report: StepReport


class Withdrawn(Frozen):
    """Whoever ordered the run wants it to stop."""

    kind: Literal["withdrawn"] = "withdrawn"
    reason: Sentence
    at: AwareDatetime


class Over(Frozen):
    """The run is over."""

    kind: Literal["over"] = "over"
    state: RunState
    sentence: Annotated[str, Field(max_length=2000)]
    waiting_for: StepId | None = None
    diff: Annotated[str, Field(max_length=MAX_DIFF)] | None = None
    at: AwareDatetime


Word = Annotated[
    Ordered
    | TakenUp
    | Looked
    | Intended
    | Acted
    | Verified
    | Failed
    | Undoing
    | TakenBack
    | Closed
    | Withdrawn
    | Over,
    Field(discriminator="kind"),
]
WORD: Final[TypeAdapter[Word]] = TypeAdapter(Word)
