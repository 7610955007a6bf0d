"""The files of a repository that say what holds there; strangers may have written every byte."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TypeVar, assert_never

import yaml

from grace.adapters.config.files import GOVERNANCE_FILE, Configuration, load_configuration
from grace.adapters.config.rule_problems import rule_problems
from grace.adapters.config.strict import ConfigError, ConfigProblem, Source, gather
from grace.domain.base import Frozen
from grace.domain.catalog import Catalog, Subsystems
from grace.domain.code_owners import CodeOwners
from grace.domain.inspection import POLICY_FILE, WAIVER_FILE, Owned, RepositoryRules
from grace.domain.policy import Governance
from grace.domain.rules.language import RepositoryPolicy
from grace.domain.waivers import Waivers

FrozenT = TypeVar("FrozenT", bound=Frozen)

MAX_BYTES = 256 * 1024
_MAX_TOLD = 50
_MAX_LENGTH = 400


class PolicyKind(StrEnum):
    """Which of the two files a policy is written in."""

    GOVERNANCE = "governance"
    REPOSITORY = "repository"


@dataclass(frozen=True, slots=True)
class RuleFiles:
    """Read policy, waivers and CODEOWNERS (`grace.ports.RuleReader`).

    What rules name is looked up in `governance` and `catalog`, and in `subsystems` where given.
    """

    governance: Governance
    catalog: Catalog
    subsystems: Subsystems | None = None

    def rules(self, text: bytes | None) -> RepositoryRules:
        """Read the policy file; None: there is none. What is wrong comes back as problems."""
        if text is None:
            return RepositoryRules()
        policy, problems = self.policy(text, POLICY_FILE)
        return RepositoryRules(policy=policy, problems=_told(problems))

    def waivers(self, text: bytes | None) -> tuple[Waivers, tuple[str, ...]]:
        """Read the waiver file; a broken one waives nothing, and its problems are told."""
        if text is None:
            return Waivers(), ()
        waivers, problems = _read(Waivers, text, WAIVER_FILE)
        return waivers or Waivers(), _told(problems)

    def owners(self, text: bytes, paths: Sequence[str]) -> tuple[Owned, ...]:
        """Say by CODEOWNERS who owns which of these paths; one that nobody owns is left out.

        By a file that cannot be read nobody owns all of them, and so nobody can approve them.
        """
        return CodeOwners(text).owned(paths)

    def policy(self, text: bytes, file: str) -> tuple[RepositoryPolicy | None, list[ConfigProblem]]:
        """Read a repository's policy: it, or all that is wrong with it.

        A file that is empty, or comments alone, is a policy without rules.
        """
        policy, problems = _policy(text, file)
        if policy is not None:
            source = Source(file, text.decode("utf-8"))
            problems += rule_problems(source, policy.rules, self._known())
        return (None if problems else policy), problems

    def _known(self) -> tuple[Governance, Catalog, Subsystems | None]:
        return self.governance, self.catalog, self.subsystems


def check_policy(
    policy: Path | str | bytes, kind: PolicyKind, configuration: Configuration | None = None
) -> list[ConfigProblem]:
    """List all that is wrong with a policy, given as a file or as its text.

    What it names is looked up in `configuration`, else in the one that ships with the package,
    which knows no subsystem: those are then not looked up.
    """
    known = load_configuration() if configuration is None else configuration
    subsystems = None if configuration is None else configuration.subsystems
    file = POLICY_FILE if kind is PolicyKind.REPOSITORY else GOVERNANCE_FILE
    if isinstance(policy, Path):
        file = str(policy)
        try:
            policy = policy.read_bytes()
        except OSError as error:
            return [ConfigProblem(file, 1, "", f"cannot be read: {error.strerror}")]
    text = policy.encode("utf-8", "surrogatepass") if isinstance(policy, str) else policy
    match kind:
        case PolicyKind.REPOSITORY:
            rules = RuleFiles(known.governance, known.catalog, subsystems)
            return rules.policy(text, file)[1]
        case PolicyKind.GOVERNANCE:
            governance, problems = _read(Governance, text, file)
            if governance is not None:
                source = Source(file, text.decode("utf-8"))
                context = (governance, known.catalog, subsystems)
                problems += rule_problems(source, governance.rules, context)
            return problems
        case _:
            assert_never(kind)


def read_policy(text: str, file: str) -> RepositoryPolicy:
    """Read a repository's policy alone, nothing looked up; raises `ConfigError`."""
    policy, problems = _policy(text.encode("utf-8", "surrogatepass"), file)
    if policy is None:
        raise ConfigError(problems)
    return policy


def _policy(text: bytes, file: str) -> tuple[RepositoryPolicy | None, list[ConfigProblem]]:
    if _is_empty(text):
        return RepositoryPolicy(version=1), []
    return _read(RepositoryPolicy, text, file)


def _read(
    model: type[FrozenT], text: bytes, file: str
) -> tuple[FrozenT | None, list[ConfigProblem]]:
    problems: list[ConfigProblem] = []
    if len(text) > MAX_BYTES or b"\0" in text:
        told = f"is no plain text file of at most {MAX_BYTES // 1024} KiB; make it one"
        return None, [ConfigProblem(file, 1, "", told)]
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        return None, [ConfigProblem(file, line, "", "is not UTF-8 text; save it as UTF-8")]
    return gather(model, Source(file, decoded), problems), problems


def _is_empty(text: bytes) -> bool:
    """Tell whether YAML finds nothing in a text; what it cannot read is not nothing."""
    if len(text) > MAX_BYTES:
        return False
    try:
        tokens = yaml.scan(text.decode("utf-8"), Loader=yaml.SafeLoader)
        return isinstance(list(islice(tokens, 2))[-1], yaml.StreamEndToken)
    except (UnicodeDecodeError, yaml.YAMLError):
        return False


def _told(problems: Sequence[ConfigProblem]) -> tuple[str, ...]:
    """Write problems out, bounded: they are shown in a pull request."""
    return tuple(_lines(problems))


def _lines(problems: Sequence[ConfigProblem]) -> Iterator[str]:
    for problem in problems[:_MAX_TOLD]:
        told = " ".join(str(problem).split())
        yield told if len(told) <= _MAX_LENGTH else f"{told[: _MAX_LENGTH - 3]}..."
    if len(problems) > _MAX_TOLD:
        yield f"{problems[0].file}: {len(problems) - _MAX_TOLD} more problems"
