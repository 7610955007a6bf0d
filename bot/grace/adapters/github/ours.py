"""What is our own at GitHub, and the shapes of a translation."""

import re
from dataclasses import dataclass
from typing import Final

from grace.adapters.github.payloads import AppId, Repository, Tip, User
from grace.domain.mission import MissionRef
from grace.ports import Routed, Target

LEDGER_BRANCH: Final = "grace-ledger"
_WORK: Final = re.compile(r"grace/mission_[0-9]{8}_[0-9]{3,}(?:-revert)?")
_QUEUED: Final = re.compile(r"/pr-([0-9]{1,18})-[0-9a-f]{40}$")

Translated = tuple[tuple[Routed, ...], str]


class TranslationError(Exception):
    """A delivery that cannot be read; `sentence` says what is wrong with it."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Ours:
    """Who we are at this forge, and which words we listen to.

    `bases`: branches besides each repository's default one whose pushes matter. `agents`: the file
    of the workflow that runs agents for us.
    """

    host: str
    app_id: int
    bot_login: str
    label: str = "mission"
    command_prefix: str = "/grace"
    bases: frozenset[str] = frozenset()
    agents: str = "grace-patch.yml"

    def sent(self, user: User | None) -> bool:
        """Tell whether we did it."""
        return user is not None and user.login.lower() == self.bot_login.lower()

    def wrote(self, user: User | None, app: AppId | None) -> bool:
        """Tell whether our app made it."""
        return self.is_app(app) or self.sent(user)

    def is_app(self, app: AppId | None) -> bool:
        return app is not None and app.id == self.app_id


def ignored(reason: str) -> Translated:
    """Say that nothing follows, and why."""
    return (), f"ignored: {reason}"


def is_work(branch: str | None) -> bool:
    """Tell whether a branch's name is one that we give; `grace/fix-typo` is a person's."""
    return branch is not None and _WORK.fullmatch(branch) is not None


def queued_pull(head_ref: str) -> int | None:
    """Read the number of the pull request on top of a merge group from its branch's name."""
    found = _QUEUED.search(head_ref)
    return None if found is None else int(found[1])


def is_fork(head: Tip, repository: Repository) -> bool:
    """Tell whether a pull request's head is outside the repository."""
    return head.repo is None or head.repo.id != repository.id


def pull_target(ref: MissionRef, number: int, head: str) -> Target:
    """Route by the branch where it is one of ours, else by the pull request."""
    if is_work(head):
        return Target(ref=ref, branch=head)
    return Target(ref=ref, pull=number)
