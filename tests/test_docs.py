"""The documentation says what the code does: links, commands, paths, and every generated table.

`python tests/test_docs.py` writes the generated blocks anew.
"""

import json
import re
import shlex
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from grace import __version__
from grace.adapters.alerts import Call, read_alertmanager
from grace.adapters.github.pace import Limits
from grace.adapters.github.translate import _READERS
from grace.adapters.github.wire import cost_of
from grace.app.settings import Settings
from grace.cli.main import app as cli
from grace.domain import replies
from grace.domain.alerting.sources import Labelled
from grace.domain.catalog import Catalog, MetricDefinition, Subsystem, Subsystems
from grace.domain.lifecycle.commands import COMMANDS
from grace.domain.policy import Policy
from grace.setup.app_manifest import EVENTS
from support.doc_blocks import BUDGET, GENERATED, SETTINGS, steps

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
TEXTS = [*PAGES, ROOT / "README.md", ROOT / "CHANGELOG.md"]

_BLOCK = re.compile(r"<!-- generated: (?P<name>[a-z-]+) -->\n(?P<text>.*?)<!-- end -->", re.DOTALL)
_FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!\!)\[[^\]]+\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_PATH = re.compile(r"(?:bot|tests|actions|docs|config|\.github|\.ci)/[\w./-]+|[\w./-]+\.py")


def plain(text: str) -> str:
    """Leave out fenced blocks."""
    return _FENCE.sub("", text)


def slug(heading: str) -> str:
    """Name a heading's anchor as GitHub does."""
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.replace(" ", "-")


def commands_in(text: str) -> Iterator[str]:
    """Find `grace ...` commands: whole lines of shell blocks, and code in the text."""
    for block in _FENCE.finditer(text):
        if block["info"].strip() in {"", "sh", "console"}:
            joined = block["text"].replace("\\\n", " ")
            for line in joined.splitlines():
                match = re.match(r"(?:\$ )?((?:\.venv/bin/)?grace(?: .*)?)$", line.strip())
                if match:
                    yield match[1].removeprefix(".venv/bin/")
    yield from (code for code in _CODE.findall(plain(text)) if re.match(r"grace [a-z-]", code))


def check_command(line: str) -> None:
    """Let the command line itself read a command, up to the help that `--help` prints.

    Unknown commands and options are errors before that; values are not looked at.
    """
    words = shlex.split(re.split(r" {2,}| [|>#] ?", line)[0])[1:]
    result = CliRunner().invoke(cli, [*words, "--help"])
    assert result.exit_code == 0, f"{line}: {result.output}"


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_block_is_what_the_code_says(name: str) -> None:
    blocks = [
        m["text"] for page in PAGES for m in _BLOCK.finditer(page.read_text()) if m["name"] == name
    ]
    assert blocks == [f"{GENERATED[name]()}\n"], "run `python tests/test_docs.py`"


def test_no_block_is_generated_by_nobody() -> None:
    found = {m["name"] for page in PAGES for m in _BLOCK.finditer(page.read_text())}
    assert found == set(GENERATED)


def test_every_setting_is_explained() -> None:
    assert list(SETTINGS) == list(Settings.model_fields)


def test_the_budget_says_of_each_call_whether_it_is_content_and_sums_them_up() -> None:
    calls = steps()
    assert [said for _, said in calls] == [cost_of(request).content for request, _ in calls]
    content = sum(said for _, said in calls)
    page = BUDGET.read_text()
    assert f"| **together** | **{len(calls)} calls, 1 push** | **{content}** |" in page
    assert f"**{Limits().content_per_hour // content} missions an hour**" in page


def test_the_app_asks_for_every_event_that_is_read() -> None:
    sent_anyway = {"installation", "installation_repositories"}
    assert set(_READERS) - sent_anyway <= set(EVENTS)


def test_every_command_is_in_the_list_that_help_shows() -> None:
    assert [written.partition(" ")[0] for written in replies.COMMANDS] == list(COMMANDS)


@pytest.mark.parametrize("page", TEXTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_pages_resolve(page: Path) -> None:
    for match in _LINK.finditer(plain(page.read_text())):
        target, _, anchor = match["target"].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            slugs = {slug(h) for h in _HEADING.findall(plain(file.read_text()))}
            assert anchor in slugs, f"{page.name} links to {match['target']}"


@pytest.mark.parametrize("page", TEXTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_paths_that_are_named_exist(page: Path) -> None:
    for code in _CODE.findall(plain(page.read_text())):
        if _PATH.fullmatch(code):
            assert (ROOT / code).exists(), f"{page.name} names {code}"


@pytest.mark.parametrize("page", TEXTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_that_are_named_exist(page: Path) -> None:
    for line in commands_in(page.read_text()):
        check_command(line)


@pytest.mark.parametrize(
    "line",
    [
        "grace fly",
        "grace keys burn",
        "grace keys show --colour",
        "grace audit verify --repository .",
    ],
)
def test_a_command_that_does_not_exist_is_noticed(line: str) -> None:
    with pytest.raises(AssertionError):
        check_command(line)


def test_the_pages_name_commands_at_all() -> None:
    named = {line for page in PAGES for line in commands_in(page.read_text())}
    assert len(named) > 15


def test_every_page_is_linked() -> None:
    linked = {
        (page.parent / m["target"].partition("#")[0]).resolve()
        for page in PAGES
        for m in _LINK.finditer(plain(page.read_text()))
    }
    assert set(PAGES) - linked == {DOCS / "README.md"}


@pytest.mark.parametrize("page", sorted((DOCS / "adr").glob("[0-9]*.md")), ids=lambda p: p.stem)
def test_a_decision_has_its_four_parts(page: Path) -> None:
    wanted = ["Context", "Choice", "Rejected", "Consequences"]
    assert _HEADING.findall(page.read_text())[1:] == wanted


def workflow() -> dict[str, object]:
    text = (DOCS / "install.md").read_text()
    (block,) = [b["text"] for b in _FENCE.finditer(text) if b["info"] == "yaml workflow"]
    loaded: dict[str, object] = yaml.safe_load(block)
    return loaded


def test_the_workflow_to_copy_gives_our_actions_what_they_take() -> None:
    jobs = workflow()["jobs"]
    assert isinstance(jobs, dict)
    used = set()
    for job in jobs.values():
        assert "permissions" in job
        for step in (step for step in job["steps"] if "uses" in step):
            match = re.fullmatch(r"OWNER/grace-mission-control/(actions/\w+)@v1", step["uses"])
            if match is None:
                assert re.fullmatch(r"actions/checkout@[0-9a-f]{40}", step["uses"])
                assert step["with"]["persist-credentials"] is False
                continue
            used.add(match[1])
            action = yaml.safe_load((ROOT / match[1] / "action.yml").read_text())
            assert set(step["with"]) <= set(action["inputs"])
            needed = {n for n, i in action["inputs"].items() if i.get("required")}
            assert needed <= set(step["with"])
    assert used == {"actions/tests", "actions/stress", "actions/hunter", "actions/report"}
    assert workflow()["permissions"] == {}
    assert "steps" in jobs["report"]
    assert jobs["report"]["permissions"] == {"id-token": "write"}
    assert all("id-token" not in j["permissions"] for n, j in jobs.items() if n != "report")


def test_the_alert_rule_that_is_shown_becomes_a_mission() -> None:
    text = (DOCS / "alerts.md").read_text()
    (block,) = [b["text"] for b in _FENCE.finditer(text) if b["info"] == "yaml rule"]
    rule = yaml.safe_load(block)["groups"][0]["rules"][0]
    alert = {
        "status": "firing",
        "labels": {"alertname": rule["alert"], **rule["labels"]},
        "annotations": {
            k: v.replace("{{ $value }}", "412") for k, v in rule["annotations"].items()
        },
        "startsAt": "2026-11-22T09:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "c0ffee",
    }
    name, metric = rule["labels"]["subsystem"], rule["labels"]["metric_id"]
    policy = Policy(
        catalog=Catalog(
            metrics={
                metric: MetricDefinition(target=100, comparator="<", unit="ms", stress="p95_ms")
            }
        ),
        subsystems=Subsystems(subsystems={name: Subsystem(host="github.com", repository="a/b")}),
    )
    body = json.dumps({"version": "4", "groupKey": "{}", "alerts": [alert]})
    call = Call({}, body.encode(), datetime(2026, 11, 22, 9, 1, tzinfo=UTC))
    intake = read_alertmanager(call, Labelled(), policy)
    assert intake.errors == ()
    (seen,) = intake.seen
    assert seen.request.symptoms[0].observed_value == 412


def test_the_changelog_is_about_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert f"## [{__version__}]" in text


def main() -> None:
    """Write every generated block anew."""
    for page in PAGES:
        old = page.read_text()
        new = _BLOCK.sub(
            lambda m: f"<!-- generated: {m['name']} -->\n{GENERATED[m['name']]()}\n<!-- end -->",
            old,
        )
        if new != old:
            page.write_text(new)
            sys.stdout.write(f"{page.relative_to(ROOT)} written\n")


if __name__ == "__main__":
    main()
