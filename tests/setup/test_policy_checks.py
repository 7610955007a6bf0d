"""What rules name at the forge, from facts; and what is read there to know them."""

import base64
from datetime import UTC, datetime

import httpx
import pytest

from grace.adapters.config import Configuration
from grace.domain.inspection import RepositoryRules
from grace.domain.policy import Governance
from grace.domain.rules.language import RepositoryPolicy, Rule
from grace.setup import policy_checks as checks
from grace.setup.findings import Level, Unknown
from grace.setup.plan import LABEL_SET
from grace.setup.policy_reading import Sight, examine_rules
from grace.setup.reading import Api, Got, contents

DENIED = Unknown("the forge answered 403")
OWN = [label.name for label in LABEL_SET]


def rule(name="r", when=None, **require):
    return Rule.model_validate({"name": name, "when": when, "require": require})


TEAM = rule("team", any_of=[{"approvals": {"team": "acme/core"}}, {"approvals": {"count": 2}}])
OWNERS = rule("owners", approvals={"code_owners": True})


def policy(**fields):
    return RepositoryRules(policy=RepositoryPolicy.model_validate({"version": 1, **fields}))


def levels(findings):
    return [each.level for each in findings]


def test_all_that_rules_name_is_found_wherever_it_stands():
    inside = {"all_of": [{"severity": ["high"]}, {"not": {"labels": ["hotfix"]}}]}
    labels = rule("labelled", inside, labels={"all_of": ["ready"], "none_of": ["wip"]})
    found = checks.named([labels, TEAM, OWNERS, rule("again", labels={"none_of": ["wip"]})])
    assert found.labels == {"hotfix": "labelled", "ready": "labelled", "wip": "labelled"}
    assert found.teams == {"acme/core": "team"}
    assert found.code_owners == "owners"


@pytest.mark.parametrize(
    ("read", "level", "words"),
    [
        (RepositoryRules(), Level.PASS, "is not there"),
        (policy(), Level.PASS, "is empty"),
        (policy(rules=[TEAM.model_dump(by_alias=True)]), Level.PASS, "adds 1 rule"),
        (policy(shadow=True), Level.WARN, "nothing is merged"),
        (RepositoryRules(problems=("a:1: no",)), Level.FAIL, "a:1: no"),
        (DENIED, Level.WARN, "cannot tell"),
    ],
)
def test_missing_broken_and_empty_are_three_answers(read, level, words):
    (finding,) = checks.check_policy_file(read, "main", "o/n")
    assert finding.level is level
    assert words in finding.found


def test_no_more_problems_are_listed_than_somebody_reads():
    read = RepositoryRules(problems=tuple(f"a:{line}: no" for line in range(50)))
    assert len(checks.check_policy_file(read, "main", "o/n")) == 10


@pytest.mark.parametrize(
    ("rules", "text", "wanted"),
    [
        ([TEAM], None, []),
        ([OWNERS], None, [Level.FAIL]),
        ([OWNERS], b"* @a", [Level.PASS]),
        ([OWNERS], DENIED, [Level.WARN]),
    ],
)
def test_code_owners_are_wanted_where_a_rule_asks_for_them(rules, text, wanted):
    assert levels(checks.check_owners(checks.named(rules), text, "o/n")) == wanted


def test_teams_of_code_owners_are_read_without_comments_and_addresses():
    text = b"* @acme/core @ann me@acme/x.org # @acme/none\n# @acme/none\n/a @acme/core @acme/web\n"
    assert checks.owning_teams(text) == ("acme/core", "acme/web")


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        ([*OWN, "Ready"], [Level.PASS]),
        (OWN, [Level.WARN]),
        (["ready", *OWN[1:]], [Level.WARN]),
        (["ready"], [Level.WARN] * len(OWN)),
        (DENIED, [Level.WARN]),
    ],
)
def test_labels_are_looked_for_whatever_their_case(there, wanted):
    asked = checks.named([rule(labels={"all_of": ["READY"]})])
    assert levels(checks.check_labels(asked, there, "o/n")) == wanted


def test_who_is_in_a_team_must_be_shown_to_the_app():
    (finding,) = checks.check_members(checks.named([TEAM]), granted=False, repository="o/n")
    assert finding.level is Level.FAIL
    assert "members: read" in finding.mend
    assert checks.check_members(checks.named([TEAM]), granted=True, repository="o/n") == []
    assert checks.check_members(checks.named([OWNERS]), granted=False, repository="o/n") == []


@pytest.mark.parametrize(
    ("got", "wanted"),
    [
        (Got(200, {"content": "aGk=\n", "encoding": "base64"}), b"hi"),
        (Got(200, {"content": "", "encoding": "none"}), None),
        (Got(200, [{"name": "a"}]), None),
        (Got(200, {"content": "a"}), None),
        (Got(403, {"message": "no"}), None),
    ],
)
def test_a_file_is_its_bytes_or_not_known(got, wanted):
    found = contents(got)
    assert isinstance(found, Unknown) if wanted is None else found == wanted


class Clock:
    def now(self):
        return datetime(2026, 11, 22, tzinfo=UTC)


class Hub:
    """A forge that has some files, labels and teams; what it is asked is kept."""

    def __init__(self, files, labels=(), teams=()):
        self.files, self.labels, self.teams = files, labels, teams
        self.asked = []

    def __call__(self, request):
        path = request.url.path
        self.asked.append(path)
        if path.startswith("/repos/o/n/contents/"):
            text = self.files.get(path.removeprefix("/repos/o/n/contents/"))
            if isinstance(text, str):
                body = {"content": base64.b64encode(text.encode()).decode(), "encoding": "base64"}
                return httpx.Response(200, json=body)
            return httpx.Response(text or 404, json={"message": "no"})
        if path == "/repos/o/n/labels":
            start = 100 * (int(request.url.params["page"]) - 1)
            page = [{"name": name} for name in self.labels[start : start + 100]]
            return httpx.Response(200, json=page)
        team = path.removeprefix("/orgs/").replace("/teams/", "/")
        return httpx.Response(200 if team in self.teams else 404, json={})


async def look(hub, rules=(), granted=("members",)):
    """Examine, and return level by check; the worst counts."""
    async with httpx.AsyncClient(transport=httpx.MockTransport(hub)) as client:
        api = Api(client, "https://api.example", Clock())
        sight = Sight(api, "o/n", "main", dict.fromkeys(granted, "read"), "token")
        configuration = Configuration(governance=Governance(rules=tuple(rules)))
        found = [each async for each in examine_rules(sight, configuration, {})]
    order = list(Level)
    return {
        check.removeprefix("o/n: "): max(
            (each.level for each in found if each.check == check), key=order.index
        )
        for check in dict.fromkeys(each.check for each in found)
    }


async def test_rules_of_the_bot_are_looked_at_where_the_repository_has_none():
    found = await look(Hub({}, OWN, teams=["acme/core"]), [TEAM, OWNERS])
    assert found == {
        "mission-control.yml": Level.PASS,
        "CODEOWNERS": Level.FAIL,
        "labels": Level.PASS,
        "team acme/core": Level.PASS,
    }


async def test_labels_on_a_second_page_are_found():
    hub = Hub({}, [f"l{number}" for number in range(120)] + OWN)
    assert (await look(hub))["labels"] is Level.PASS
    endless = Hub({}, [f"l{number}" for number in range(2000)])
    assert (await look(endless))["labels"] is Level.WARN
    assert endless.asked.count("/repos/o/n/labels") == 10


async def test_teams_that_own_code_are_looked_for_in_the_file_that_counts():
    hub = Hub({"CODEOWNERS": "* @acme/web", "docs/CODEOWNERS": "* @acme/other"}, OWN)
    found = await look(hub, [OWNERS])
    assert found["team acme/web"] is Level.FAIL
    assert "team acme/other" not in found


async def test_where_members_are_not_shown_no_team_is_asked_for():
    hub = Hub({}, OWN)
    found = await look(hub, [TEAM], granted=())
    assert found["teams"] is Level.FAIL
    assert not [path for path in hub.asked if path.startswith("/orgs/")]


async def test_a_file_that_the_forge_does_not_show_is_no_pass():
    hub = Hub({".github/mission-control.yml": 403, ".github/CODEOWNERS": 500}, OWN)
    found = await look(hub, [OWNERS])
    assert (found["mission-control.yml"], found["CODEOWNERS"]) == (Level.WARN, Level.WARN)


async def test_what_both_files_ask_of_ci_is_looked_for():
    text = "version: 1\nrules: [{name: scan, require: {security: {}}}]\n"
    found = await look(Hub({".github/mission-control.yml": text}, OWN), [rule(red_on_base={})])
    assert (found["red_on_base"], found["security"]) == (Level.WARN, Level.WARN)
