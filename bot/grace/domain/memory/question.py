"""What memory is asked, and how a question and a memory become the same kinds of terms."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from grace.domain.base import Frozen
from grace.domain.memory.normalise import distinct, terms, trace_of
from grace.domain.memory.remembered import Remembered
from grace.domain.memory.signature import signature_of
from grace.domain.mission import Mission, MissionRef

MAX_TERMS = 400


@dataclass(frozen=True, slots=True)
class Fields:
    """The terms of one text by field, each as often as it stands there.

    `head`: title, symptoms, tests and metrics. `details`: the rest. `trace`: whole frames of stack
    traces, each as one term.
    """

    head: Counter[str]
    details: Counter[str]
    trace: Counter[str]

    def distinct(self) -> tuple[str, ...]:
        """List the terms, each once, those of the head first."""
        every = dict.fromkeys([*self.head, *self.trace, *self.details])
        return tuple(every)[:MAX_TERMS]


class Question(Frozen):
    """A problem that is asked about, by the mission `asker` of a repository; empty: by a person.

    `head`, `details` and `trace` are texts as they were written.
    """

    ref: MissionRef
    asker: str = ""
    head: Annotated[str, Field(max_length=20_000)] = ""
    details: Annotated[str, Field(max_length=60_000)] = ""
    trace: tuple[str, ...] = ()
    subsystem: str = ""
    metrics: tuple[str, ...] = ()
    signature: str = ""

    def fields(self) -> Fields:
        return fields_of(self.head, self.details, self.trace)


def question_of(
    mission: Mission, messages: Sequence[str] = (), failing: Sequence[str] = ()
) -> Question:
    """Ask about a mission; `messages` and names of `failing` tests where they are known already."""
    request = mission.request
    if request is None:
        return Question(ref=mission.ref, asker=mission.name, head=mission.title[:20_000])
    evidence = [e.excerpt for e in request.evidence if e.excerpt is not None]
    said = [s.description for s in request.symptoms]
    metrics = distinct([s.metric_id for s in request.symptoms if s.metric_id is not None], 50)
    must = request.acceptance_criteria.must_pass_tests
    details = "\n".join([request.summary, *evidence, *messages])
    return Question(
        ref=mission.ref,
        asker=mission.name,
        head=head_of(mission.title, said, [*must, *failing], metrics)[:20_000],
        details=details[:60_000],
        trace=trace_of("\n".join([*evidence, *messages, *said])),
        subsystem=request.subsystem_id,
        metrics=metrics,
        signature=str(signature_of(request)),
    )


def question_about(text: str, ref: MissionRef) -> Question:
    """Ask about any text; its first line weighs most."""
    first, _, rest = text.strip().partition("\n")
    return Question(ref=ref, head=first[:20_000], details=rest[:60_000], trace=trace_of(text))


def head_of(
    title: str, symptoms: Sequence[str], tests: Sequence[str], metrics: Sequence[str]
) -> str:
    """Put together what weighs most; what is said twice counts once."""
    return "\n".join(distinct([title, *symptoms, *tests, *metrics], 100))


def fields_of(head: str, details: str, trace: Sequence[str]) -> Fields:
    """Make the terms of texts."""
    frames = Counter(frame_term(frame) for frame in trace)
    return Fields(Counter(terms(head)), Counter(terms(details)), frames)


def frame_term(frame: str) -> str:
    """Write a frame as one term, which no word can be."""
    return f"_{frame.casefold().replace('.', '_')}"


def indexed(found: Remembered) -> tuple[str, str, str]:
    """Write a memory as a full text index keeps it: terms with a space between, by field."""
    head = head_of(
        found.summary, [s.description for s in found.symptoms], found.tests, found.metrics
    )
    details = "\n".join([found.details, *found.errors])
    frames = [frame_term(frame) for frame in found.trace]
    return " ".join(terms(head)), " ".join(terms(details)), " ".join(frames)


def of_index(head: str, details: str, trace: str) -> Fields:
    """Read what `indexed` wrote."""
    return Fields(Counter(head.split()), Counter(details.split()), Counter(trace.split()))
