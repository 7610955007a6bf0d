"""`grace doctor` against a real forge: what is well, and each thing that is not."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from typer.testing import CliRunner

from grace.adapters.keys import Ed25519Key
from grace.app.settings import load
from grace.cli.doctor import bot_of
from grace.cli.main import app as cli
from grace.setup.examine import Tools, examine
from grace.setup.findings import Level


class Shifted:
    """The machine's clock, off by so much."""

    def __init__(self, seconds=0):
        self.by = timedelta(seconds=seconds)

    def now(self):
        return datetime.now(UTC) + self.by


async def look(ward, only=None, clock=None, **changes):
    """Examine, and return the findings by check; a check with two keeps the worse."""
    bot = replace(bot_of(load(ward.folder / "bot.yaml"), None), **changes)
    rank = list(Level)
    found = {}
    async with httpx.AsyncClient(timeout=20) as client:
        async for each in examine(bot, Tools(client, clock or Shifted()), only):
            known = found.get(each.check)
            if known is None or rank.index(each.level) > rank.index(known.level):
                found[each.check] = each
    return found


def level(found, check):
    return found[check].level


async def test_what_is_set_up_as_the_manual_says_is_well(ward):
    Ed25519Key.generate(ward.folder / "data/signing.key")
    await ward.forge.idle()
    found = await look(ward)
    # The forge of the tests answers neither the hook's configuration nor rulesets.
    unwell = {name for name, each in found.items() if each.level is not Level.PASS}
    assert unwell <= {"webhook", "acme/mesh: grace-ledger", "acme/mesh: agents"}
    assert {
        "App",
        "App permissions",
        "App events",
        "clock",
        "deliveries",
        "acme/mesh: installation",
        "acme/mesh main: required checks",
        "acme/mesh main: up to date",
        "acme/mesh main: merge method",
        "acme/mesh: workflows",
        "acme/mesh: agents",
        "acme/mesh: mission-control.yml",
        "acme/mesh: labels",
        "metric heat",
        "OIDC issuer",
        "ledger key",
    } <= set(found)


async def test_the_command_prints_what_to_mend_and_fails(ward):
    await ward.protect(checks=[{"context": "mission/observation", "app_id": ward.app.id}])
    words = ["doctor", "--config", str(ward.folder / "bot.yaml"), "--repo", "acme/mesh"]
    env = {"COLUMNS": "240"}
    done = await asyncio.to_thread(CliRunner().invoke, cli, words, env=env)
    assert done.exit_code == 1, done.output
    assert "take it out in the branch's protection" in done.output
    await ward.protect(checks=[{"context": "mission/governance", "app_id": ward.app.id}])
    done = await asyncio.to_thread(CliRunner().invoke, cli, words, env=env)
    assert done.exit_code == 0, done.output
    assert "0 fail" in done.output


def test_settings_that_are_missing_are_named(tmp_path, monkeypatch):
    for name in ("GRACE_APP_ID", "GRACE_WEBHOOK_SECRET"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "bot.yaml").write_text("listen_port: 1\n")
    words = ["doctor", "--config", str(tmp_path / "bot.yaml")]
    done = CliRunner().invoke(cli, words, env={"COLUMNS": "200"})
    assert done.exit_code == 1
    assert "app_id: is required" in done.output
    assert "webhook_secret: is required" in done.output


def test_a_token_has_no_app_to_examine(tmp_path):
    (tmp_path / "bot.yaml").write_text("mode: statuses\nforge_token: t\npoll: true\n")
    words = ["doctor", "--config", str(tmp_path / "bot.yaml")]
    done = CliRunner().invoke(cli, words, env={"COLUMNS": "200"})
    assert done.exit_code == 1
    assert "forge_token: the doctor examines a GitHub App" in done.output


async def test_a_bot_that_polls_needs_no_secret(ward):
    found = await look(ward, webhook_secret=None)
    assert level(found, "webhook secret") is Level.PASS
    assert "polls" in found["webhook secret"].found


async def test_the_private_key_is_for_its_owner_alone(ward):
    (ward.folder / "app.pem").chmod(0o640)
    found = await look(ward)
    assert level(found, "App key") is Level.FAIL
    assert "chmod 600" in found["App key"].mend


async def test_a_key_that_is_none_ends_the_examination(ward):
    found = await look(ward, app_key="not a key")
    assert level(found, "App key") is Level.FAIL
    assert "clock" not in found


async def test_the_id_of_another_app_is_noticed(ward):
    other = await ward.forge.create_app(
        "other",
        webhook_url="http://127.0.0.1:1/",
        webhook_secret="x",
        public_key_pem="x",
        permissions={},
        events=[],
    )
    assert level(await look(ward, app_id=other.id), "App") is Level.FAIL


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [(0, Level.PASS), (40, Level.WARN), (-40, Level.WARN), (90, Level.FAIL), (-90, Level.FAIL)],
)
async def test_a_clock_that_is_wrong_is_noticed(ward, seconds, wanted):
    assert level(await look(ward, clock=Shifted(seconds)), "clock") is wanted


async def test_a_forge_that_does_not_answer_is_a_finding_and_no_crash(ward):
    await ward.forge.close()
    found = await look(ward)
    assert level(found, "App") is Level.FAIL
    assert "did not answer" in found["App"].found
    assert level(found, "clock") is Level.WARN


async def test_a_repository_without_the_app_is_noticed(ward):
    found = await look(ward, only="acme/elsewhere")
    assert level(found, "acme/elsewhere: installation") is Level.FAIL
    assert level(found, "subsystem acme/elsewhere") is Level.WARN
    assert "acme/mesh: installation" not in found


async def test_permissions_that_the_app_lacks_are_named(ward, app_key):
    weak = await ward.forge.create_app(
        "weak",
        webhook_url=f"{ward.outside.url}/hooks/github",
        webhook_secret="x",
        public_key_pem=app_key[1],
        permissions={"metadata": "read", "contents": "read", "workflows": "write"},
        events=["push"],
    )
    found = await look(ward, app_id=weak.id)
    assert level(found, "App permissions") is Level.FAIL
    assert level(found, "App events") is Level.FAIL
    assert "pull_request_review" in found["App events"].found


@pytest.mark.parametrize(
    ("checks", "strict", "bad"),
    [
        ([("mission/governance", None)], True, "required checks"),
        ([("mission/governance", 999)], True, "required checks"),
        ([], True, "required checks"),
        ([("mission/governance", 0), ("mission/observation", 0)], True, "required checks"),
        ([("mission/governance", 0)], False, "up to date"),
    ],
)
async def test_a_branch_that_is_not_protected_right_is_noticed(ward, checks, strict, bad):
    listed = [{"context": c, "app_id": ward.app.id if i == 0 else i} for c, i in checks]
    await ward.protect(checks=listed, strict=strict)
    found = await look(ward)
    assert [n for n, each in found.items() if each.level is Level.FAIL] == [
        f"acme/mesh main: {bad}"
    ]


async def test_a_branch_without_any_protection_is_noticed(ward):
    await ward.owner.delete("/repos/acme/mesh/branches/main/protection")
    found = await look(ward)
    assert level(found, "acme/mesh main: required checks") is Level.FAIL
    assert level(found, "acme/mesh main: up to date") is Level.FAIL


async def test_a_base_branch_that_is_not_there_is_noticed(ward):
    where = {"host": "localforge", "repository": "acme/mesh", "base_branch": "trunk"}
    ward.write("subsystems.yaml", {"subsystems": {"mesh": where}})
    assert level(await look(ward), "acme/mesh trunk: branch") is Level.FAIL


async def test_a_merge_method_that_the_repository_forbids_is_noticed(ward):
    await ward.owner.patch("/repos/acme/mesh", json={"allow_merge_commit": False})
    found = await look(ward)
    assert level(found, "acme/mesh main: merge method") is Level.FAIL
    assert "squash" in found["acme/mesh main: merge method"].mend


async def test_a_workflow_that_hands_out_secrets_is_named(ward):
    text = "on: push\njobs:\n  deploy:\n    steps:\n      - run: up ${{ secrets.CLOUD }}\n"
    await ward.put(".github/workflows/deploy.yml", text)
    finding = (await look(ward))["acme/mesh: workflows"]
    assert finding.level is Level.FAIL
    assert ".github/workflows/deploy.yml, job deploy" in finding.found


RULES = """\
version: 1
rules:
  - name: owned
    when: {not: {labels: [hotfix]}}
    require: {approvals: {code_owners: true}, red_on_base: {}}
"""


async def test_what_a_repository_s_own_rules_need_of_it_is_looked_at(ward):
    await ward.put(".github/mission-control.yml", RULES)
    found = await look(ward)
    assert found["acme/mesh: mission-control.yml"].found == "adds 1 rule"
    assert level(found, "acme/mesh: CODEOWNERS") is Level.FAIL
    assert level(found, "acme/mesh: red_on_base") is Level.WARN
    assert "'owned' names hotfix" in found["acme/mesh: labels"].found
    await ward.put("docs/CODEOWNERS", "* @acme/core\n")
    await ward.owner.post("/repos/acme/mesh/labels", json={"name": "Hotfix", "color": "000000"})
    found = await look(ward)
    assert level(found, "acme/mesh: CODEOWNERS") is Level.PASS
    assert level(found, "acme/mesh: labels") is Level.PASS
    assert level(found, "acme/mesh: team acme/core") is Level.FAIL


async def test_rules_that_cannot_be_used_are_told_by_line(ward):
    await ward.put(".github/mission-control.yml", RULES.replace("approvals", "aprovals"))
    finding = (await look(ward))["acme/mesh: mission-control.yml"]
    assert finding.level is Level.FAIL
    assert ".github/mission-control.yml:5: " in finding.found
    assert "did you mean approvals?" in finding.found
    assert "mend it on main" in finding.mend


async def test_a_label_that_is_not_there_is_named_with_its_command(ward):
    await ward.owner.delete("/repos/acme/mesh/labels/grace:stop")
    finding = (await look(ward))["acme/mesh: labels"]
    assert finding.level is Level.WARN
    assert "grace:stop" in finding.found
    assert finding.mend.startswith("run gh label create grace:stop")


async def test_deliveries_that_do_not_arrive_are_noticed(ward):
    await ward.forge.idle()
    ward.outside.post = 401
    for number in range(4):
        await ward.owner.post("/repos/acme/mesh/issues", json={"title": f"n {number}"})
    await ward.forge.idle()
    finding = (await look(ward))["deliveries"]
    assert finding.level is Level.FAIL
    assert "secrets differ" in finding.mend


@pytest.mark.parametrize(
    ("status", "wanted"),
    [(405, Level.PASS), (404, Level.FAIL), (200, Level.FAIL), (302, Level.FAIL), (502, Level.WARN)],
)
async def test_what_stands_at_the_webhooks_address_is_looked_at(ward, status, wanted):
    ward.outside.get = status
    assert level(await look(ward, url=ward.outside.url), "webhook reached") is wanted


async def test_nobody_at_the_webhooks_address_is_a_warning(ward):
    found = await look(ward, url="http://127.0.0.1:9")
    assert level(found, "webhook reached") is Level.WARN


async def test_a_guard_whose_source_is_silent_fails_and_another_metric_warns(ward):
    source = {"kind": "prometheus_text", "url": f"{ward.outside.url}/gone", "series": "x"}
    metric = {"target": 30, "comparator": "<", "unit": "C", "source": source}
    ward.write("metrics_catalog.yaml", {"metrics": {"heat": metric, "cold": metric}})
    found = await look(ward)
    assert (level(found, "metric heat"), level(found, "metric cold")) == (Level.FAIL, Level.WARN)


async def test_an_issuer_that_is_somebody_else_is_noticed(ward):
    assert level(await look(ward, oidc_issuer=ward.forge.url), "OIDC issuer") is Level.FAIL
    issuer = f"{ward.forge.url}/_services/token/"
    assert level(await look(ward, oidc_issuer=issuer), "OIDC issuer") is Level.FAIL


async def test_a_store_without_its_key_is_noticed(ward):
    (ward.folder / "data").mkdir()
    (ward.folder / "data/grace.db").write_bytes(b"not a database at all")
    assert level(await look(ward), "ledger") is Level.FAIL
    Ed25519Key.generate(ward.folder / "data/signing.key")
    assert level(await look(ward), "ledger") is Level.FAIL


async def test_nothing_secret_is_printed(ward, app_key):
    words = ["doctor", "--config", str(ward.folder / "bot.yaml")]
    done = await asyncio.to_thread(CliRunner().invoke, cli, words)
    body = app_key[0].splitlines()[1]
    webhook = (ward.folder / "bot.yaml").read_text().split("webhook_secret: ")[1].split()[0]
    assert len(webhook) == 32
    assert body not in done.output
    assert webhook not in done.output
