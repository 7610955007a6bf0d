"""What `grace doctor` reads at a forge of a repository's rules: files, labels, teams."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from grace.adapters.config import Configuration, RuleFiles
from grace.domain.inspection import OWNER_FILES, POLICY_FILE, RepositoryRules
from grace.setup import policy_checks as checks
from grace.setup.app_checks import Lenient
from grace.setup.findings import Finding, Unknown
from grace.setup.reading import Api, contents, fit_all
from grace.setup.rule_checks import check_rules

_PAGE: Final = 100
_MAX_PAGES: Final = 10


class _Label(Lenient):
    name: str


@dataclass(frozen=True, slots=True)
class Sight:
    """One repository as its installation sees it: token, base branch, what is granted."""

    api: Api
    repository: str
    base: str
    granted: Mapping[str, str]
    token: str = field(repr=False)

    @property
    def path(self) -> str:
        return f"/repos/{self.repository}"


async def examine_rules(
    sight: Sight, configuration: Configuration, workflows: Mapping[str, str] | Unknown
) -> AsyncIterator[Finding]:
    """Check the repository's own rules, and all that they and the bot's need of the repository."""
    read = await _policy(sight, configuration)
    for finding in checks.check_policy_file(read, sight.base, sight.repository):
        yield finding
    rules = configuration.governance.rules
    if isinstance(read, RepositoryRules) and read.policy is not None:
        rules += read.policy.rules
    if not isinstance(workflows, Unknown):
        for finding in check_rules(rules, workflows, sight.repository):
            yield finding
    asked = checks.named(rules)
    owners = await _owners(sight) if asked.code_owners is not None else None
    for finding in checks.check_owners(asked, owners, sight.repository):
        yield finding
    for finding in checks.check_labels(asked, await _labels(sight), sight.repository):
        yield finding
    async for finding in _teams(sight, _with_owners(asked, owners)):
        yield finding


async def _policy(sight: Sight, configuration: Configuration) -> RepositoryRules | Unknown:
    text = await _file(sight, POLICY_FILE)
    known = (configuration.governance, configuration.catalog, configuration.subsystems)
    return text if isinstance(text, Unknown) else RuleFiles(*known).rules(text)


async def _owners(sight: Sight) -> bytes | Unknown | None:
    for place in OWNER_FILES:
        text = await _file(sight, place)
        if text is not None:
            return text
    return None


async def _file(sight: Sight, path: str) -> bytes | Unknown | None:
    """Read a file of the base branch; None: it is not there."""
    got = await sight.api.get(f"{sight.path}/contents/{path}", sight.token, ref=sight.base)
    return None if got.status == HTTPStatus.NOT_FOUND else contents(got)


async def _labels(sight: Sight) -> list[str] | Unknown:
    found: list[str] = []
    for page in range(1, _MAX_PAGES + 1):
        got = await sight.api.get(f"{sight.path}/labels", sight.token, per_page=_PAGE, page=page)
        labels = fit_all(_Label, got)
        if isinstance(labels, Unknown):
            return labels
        found += [label.name for label in labels]
        if len(labels) < _PAGE:
            return found
    return Unknown(f"there are more than {_PAGE * _MAX_PAGES} labels")


def _with_owners(asked: checks.Named, owners: bytes | Unknown | None) -> checks.Named:
    """Add the teams of CODEOWNERS to those that rules name."""
    if asked.code_owners is None or not isinstance(owners, bytes):
        return asked
    owning = dict.fromkeys(checks.owning_teams(owners), asked.code_owners)
    return replace(asked, teams=owning | asked.teams)


async def _teams(sight: Sight, asked: checks.Named) -> AsyncIterator[Finding]:
    lacking = checks.check_members(asked, "members" in sight.granted, sight.repository)
    for finding in lacking:
        yield finding
    for team, rule in () if lacking else asked.teams.items():
        organisation, _, slug = team.partition("/")
        where = f"/orgs/{quote(organisation, safe='')}/teams/{quote(slug, safe='')}"
        got = await sight.api.get(where, sight.token)
        missing = got.status == HTTPStatus.NOT_FOUND
        there = got.ok if got.ok or missing else got.unknown()
        yield checks.check_team(team, rule, there, sight.repository)
