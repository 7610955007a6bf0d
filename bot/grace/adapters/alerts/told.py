"""What a call of an alert source says, before our names are put to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, NamedTuple, TypedDict

from pydantic import ValidationError

from grace.adapters.alerts.words import TITLE_LIMIT, plain
from grace.domain.alerting.sources import Labelled
from grace.domain.events import AlertSeen
from grace.domain.mission import FieldError

MAX_ERRORS: Final = 50

Status = Literal["firing", "resolved"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a source: headers by their names in small letters, raw body, when it came."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    at: datetime


class Said(NamedTuple):
    """A word of the source's, and the field that has it, for errors."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """One alert in its source's words; every text is a stranger's.

    `place` names it in errors, as `alerts[3]`, or is empty where a call has one alert. `severity`,
    `subsystem`, `metric`: what may say so, in order; the field of the last is named where none
    does. `value`, `window` and `rolling` are numbers as texts. `at` None: it has no time.
    """

    place: str
    fingerprint: str
    status: Status
    title: str
    description: str
    labels: Mapping[str, str]
    severity: Sequence[Said]
    subsystem: Sequence[Said]
    metric: Sequence[Said]
    at: datetime | None
    value: Said | None = None
    window: Said | None = None
    rolling: Said | None = None
    link: str = ""


class Spoken(TypedDict):
    """What labels say of an alert, as `Told` has it."""

    severity: Sequence[Said]
    subsystem: Sequence[Said]
    metric: Sequence[Said]


def spoken(labels: Mapping[str, str], words: Labelled) -> Spoken:
    """Read what labels say, by the names that the configuration has."""

    def said(names: Sequence[str]) -> Sequence[Said]:
        return [Said(f"labels.{name}", labels.get(name, "")) for name in names]

    return Spoken(
        severity=said(words.severity_labels),
        subsystem=said(words.subsystem_labels),
        metric=said(words.metric_labels),
    )


class AlertError(Exception):
    """The body is not what the source sends; `errors` lists what is wrong with it, by field."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{e.field}: {e.problem}" for e in errors))
        self.errors = errors

    @classmethod
    def of(cls, error: ValidationError) -> "AlertError":
        """Name the fields that are wrong, and what is wrong with each; never what was given."""
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return cls(
            [
                # A name within it may be a stranger's.
                FieldError(field=plain(dotted(e["loc"]), TITLE_LIMIT) or "body", problem=e["msg"])
                for e in found[:MAX_ERRORS]
            ]
        )


@dataclass(slots=True)
class Problems:
    """What is wrong with alerts, by field; past so many they are only counted."""

    errors: list[FieldError] = field(default_factory=list)
    more: int = 0

    def add(self, place: str, name: str, problem: str) -> None:
        """Note what is wrong with a field of the alert at `place`."""
        if len(self.errors) < MAX_ERRORS:
            where = f"{place}.{name}" if place else name
            self.errors.append(FieldError(field=where, problem=problem))
        else:
            self.more += 1

    def __len__(self) -> int:
        return len(self.errors) + self.more


@dataclass(frozen=True, slots=True)
class Intake:
    """What a call brought.

    `seen`: alerts that ask for a mission. `errors`: why others cannot, by field, and how many
    `more`. `truncated`: how many alerts the source left out. `left`: why there is nothing to do.
    `timeless`: an alert has no time of its own. `own_id`: the source's id of this call.
    """

    seen: tuple[AlertSeen, ...] = ()
    errors: tuple[FieldError, ...] = ()
    more: int = 0
    truncated: int = 0
    left: str = ""
    timeless: bool = False
    own_id: str = ""


def dotted(loc: Sequence[str | int]) -> str:
    """Write a path as people do: `alerts[3].labels.severity`."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
