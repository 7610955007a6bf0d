"""Which files `grace init` wants in a repository, and how they differ from what is there."""

import difflib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from grace.domain.inspection import POLICY_FILE
from grace.domain.lifecycle.tickets import REVIEW_LABEL
from grace.ports import STOP_LABEL
from grace.setup.patch_workflow_text import patch_workflow
from grace.setup.policy_text import policy
from grace.setup.repository import Found
from grace.setup.workflow_text import runs_on_base, workflow

FORM: Final = ".github/ISSUE_TEMPLATE/mission.yml"
WORKFLOW: Final = ".github/workflows/grace.yml"
PATCH_WORKFLOW: Final = ".github/workflows/grace-patch.yml"
CONTROL: Final = POLICY_FILE
LABELS: Final = ".github/labels.yml"


@dataclass(frozen=True, slots=True)
class Label:
    """A label that Grace reads or sets; `color` is six hexadecimal digits."""

    name: str
    color: str
    description: str


LABEL_SET: Final = (
    Label("mission", "0e5a8a", "Grace takes it as a mission"),
    Label("mission/invalid", "b60205", "The mission's contract does not parse; see the comment"),
    Label(STOP_LABEL, "000000", "Open, it stops all that Grace would change here"),
    Label(REVIEW_LABEL, "fbca04", "A review that is still to be made after an emergency"),
    Label("capa", "d93f0b", "Corrective and preventive action after a rollback"),
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A file that is wanted: its path below the top of the work tree, and its text."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """A draft that differs from what is there; `before` None: nothing is there."""

    draft: Draft
    before: str | None

    def diff(self) -> str:
        """Write the difference as a unified diff."""
        old = "/dev/null" if self.before is None else f"a/{self.draft.path}"
        lines = difflib.unified_diff(
            (self.before or "").splitlines(keepends=True),
            self.draft.text.splitlines(keepends=True),
            old,
            f"b/{self.draft.path}",
        )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


class Unwritable(Exception):
    """A path cannot be written safely; the message says why."""


def drafts(found: Found, actions: str) -> tuple[Draft, ...]:
    """Write all files for a repository; `actions` is OWNER/NAME@REF."""
    form = resources.files("grace.demo") / "template" / FORM
    return (
        Draft(FORM, form.read_text("utf-8")),
        Draft(WORKFLOW, workflow(found, actions)),
        Draft(PATCH_WORKFLOW, patch_workflow(found, actions)),
        Draft(LABELS, _labels()),
        Draft(CONTROL, policy(found, red_on_base=runs_on_base(found))),
    )


def changes(root: Path, wanted: tuple[Draft, ...]) -> tuple[Change, ...]:
    """Compare drafts with the work tree; those that are there already are left out."""
    found = []
    for draft in wanted:
        before = _read(root, draft.path)
        if before != draft.text:
            found.append(Change(draft, before))
    return tuple(found)


def write(root: Path, change: Change) -> None:
    """Write a file, unless it is not as it was when the difference was shown."""
    path = _inside(root, change.draft.path)
    if _read(root, change.draft.path) != change.before:
        raise Unwritable(f"{change.draft.path} changed meanwhile; run `grace init` again")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(change.draft.text, "utf-8")


def label_commands() -> tuple[str, ...]:
    """Say how each label is made: a form sets only labels that exist."""
    return tuple(label_command(each) for each in LABEL_SET)


def label_command(label: Label) -> str:
    """Say how a label is made."""
    return f'gh label create {label.name} --color {label.color} --description "{label.description}"'


def _labels() -> str:
    lines = ["# The labels that Grace reads and sets. Written by `grace init`."]
    for each in LABEL_SET:
        lines += [
            f"- name: {each.name}",
            f'  color: "{each.color}"',
            f"  description: {each.description}",
        ]
    return "\n".join(lines) + "\n"


def _inside(root: Path, path: str) -> Path:
    """Return the place of a file; refuse one that a link leads out of the work tree."""
    place = root / path
    if not place.resolve().is_relative_to(root.resolve()):
        raise Unwritable(f"{path} leads out of the work tree through a link; nothing is written")
    return place


def _read(root: Path, path: str) -> str | None:
    place = _inside(root, path)
    if not place.exists():
        return None
    try:
        return place.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unwritable(f"{path} cannot be read as text; move it away first") from error
