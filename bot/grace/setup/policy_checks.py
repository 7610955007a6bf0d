"""What must be true of a repository's own rules, and of what all rules name at the forge. Pure."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from grace.domain.inspection import OWNER_FILES, RepositoryRules
from grace.domain.rules.language import Rule
from grace.setup.findings import Finding, Unknown, fail, good, untold, warn
from grace.setup.plan import LABEL_SET, label_command

_MAX_PROBLEMS: Final = 10
_MAX_TEAMS: Final = 20
_COMMENT: Final = re.compile(r"(?:^|(?<=\s))#.*")
_TEAM: Final = re.compile(r"(?<!\S)@([\w.-]+/[\w.-]+)(?!\S)")


@dataclass(frozen=True, slots=True)
class Named:
    """What rules name that only the forge has, each with the rule that names it first.

    `code_owners`: the rule that asks for them; None: none does.
    """

    labels: dict[str, str] = field(default_factory=dict)
    teams: dict[str, str] = field(default_factory=dict)
    code_owners: str | None = None


def named(rules: Iterable[Rule]) -> Named:
    """Collect labels, teams and code owners from rules, their predicates included."""
    labels: dict[str, str] = {}
    teams: dict[str, str] = {}
    owners: str | None = None
    for rule in rules:
        for label in _labels(rule):
            labels.setdefault(label, rule.name)
        for each in rule.require.walk():
            if each.approvals is not None and each.approvals.team is not None:
                teams.setdefault(each.approvals.team, rule.name)
            if each.approvals is not None and each.approvals.code_owners:
                owners = owners or rule.name
    return Named(labels, teams, owners)


def _labels(rule: Rule) -> Iterator[str]:
    for when in rule.when.walk() if rule.when is not None else ():
        yield from when.labels or ()
    for each in rule.require.walk():
        if each.labels is not None:
            yield from (*each.labels.all_of, *each.labels.none_of)


def check_policy_file(read: RepositoryRules | Unknown, base: str, repository: str) -> list[Finding]:
    """Judge the policy file of a base branch; missing, broken and empty are three answers."""
    name = f"{repository}: mission-control.yml"
    if isinstance(read, Unknown):
        return [untold(name, read, "grant the App contents: read")]
    if read.problems:
        mend = f"mend it on {base}: until then no mission of this repository merges"
        return [fail(name, told, mend) for told in read.problems[:_MAX_PROBLEMS]]
    if read.policy is None:
        return [good(name, "is not there: the rules of governance.yaml hold alone")]
    if read.policy.shadow:
        found = "shadow: everything is decided and shown here, and nothing is merged"
        return [warn(name, found, "take shadow out when you have seen enough")]
    count = len(read.policy.rules)
    if not count:
        return [good(name, "is empty: the rules of governance.yaml hold alone")]
    return [good(name, f"adds {count} rule{'' if count == 1 else 's'}")]


def check_owners(asked: Named, text: bytes | Unknown | None, repository: str) -> list[Finding]:
    """There is a CODEOWNERS file where a rule asks for code owners; None: there is none."""
    if asked.code_owners is None:
        return []
    name = f"{repository}: CODEOWNERS"
    mend = f"write {OWNER_FILES[0]}, or take code_owners out of the rule"
    if isinstance(text, Unknown):
        return [untold(name, text, mend)]
    if text is None:
        found = f"the rule {asked.code_owners!r} asks for code owners, and there is no such file"
        return [fail(name, found, mend)]
    return [good(name, "is there")]


def owning_teams(text: bytes) -> tuple[str, ...]:
    """Name the teams of a CODEOWNERS file, as `organisation/team`."""
    lines = text.decode("utf-8", "replace").splitlines()
    found = (team for line in lines for team in _TEAM.findall(_COMMENT.sub("", line)))
    return tuple(dict.fromkeys(found))[:_MAX_TEAMS]


def check_labels(
    asked: Named, there: Collection[str] | Unknown, repository: str
) -> Iterator[Finding]:
    """Grace's own labels exist, and those that rules name; the forge's labels know no case."""
    name = f"{repository}: labels"
    if isinstance(there, Unknown):
        yield untold(name, there, "grant the App issues: read")
        return
    known = {label.lower() for label in there}
    lacking = [label for label in LABEL_SET if label.name not in known]
    for label in lacking:
        yield warn(name, f"there is no label {label.name}", f"run {label_command(label)}")
    for wanted, rule in asked.labels.items():
        if wanted.lower() not in known:
            found = f"the rule {rule!r} names {wanted}, which is no label here"
            yield warn(name, found, "make it, or correct its name in the rule")
    if not lacking and all(wanted.lower() in known for wanted in asked.labels):
        yield good(name, f"all {len(LABEL_SET) + len(asked.labels)} that are used")


def check_team(team: str, rule: str, there: bool | Unknown, repository: str) -> Finding:
    """A team that a rule names is one; `there` is whether the forge shows it to the App."""
    name = f"{repository}: team {team}"
    if isinstance(there, Unknown):
        return untold(name, there, "see at the forge that the team is there")
    if there:
        return good(name, "is there")
    found = f"the rule {rule!r} asks for it, and the forge shows no such team"
    return fail(name, found, "correct its name: organisation/team, as in the team's address")


def check_members(asked: Named, granted: bool, repository: str) -> list[Finding]:
    """The App may see who is in a team, where a rule asks for that."""
    if granted or not asked.teams:
        return []
    team, rule = next(iter(asked.teams.items()))
    found = f"the rule {rule!r} asks who is in {team}, and the App may not see it"
    mend = "grant members: read on the organisation, in the App's settings"
    return [fail(f"{repository}: teams", found, mend)]
