"""Findings about App, webhook and branches from facts that the local forge does not answer."""

from datetime import UTC, datetime

import httpx
import pytest

from grace.setup import app_checks as app
from grace.setup import branch_checks as branch
from grace.setup.app_manifest import EVENTS, PERMISSIONS
from grace.setup.findings import Level, Unknown
from grace.setup.local_checks import check_secret
from grace.setup.reading import Api, Got, fit, fit_all

OURS = 7
GRANTED = {each.name: each.access for each in PERMISSIONS}
HOOK = app.HookFacts(
    url="https://bot.example/hooks/github", content_type="json", secret="********", insecure_ssl="0"
)
DENIED = Unknown("the forge answered 403")


def worst(findings):
    listed = findings if isinstance(findings, list) else [findings]
    return max((each.level for each in listed), key=list(Level).index)


def ruleset(*checks, strict=True):
    listed = [{"context": c, **({"integration_id": i} if i else {})} for c, i in checks]
    parameters = {
        "required_status_checks": listed,
        "strict_required_status_checks_policy": strict,
    }
    return branch.Rule(type="required_status_checks", parameters=parameters)


def rule(kind, **parameters):
    return branch.Rule(type=kind, parameters=parameters or None)


GOOD = ruleset(("mission/governance", OURS))


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        ([GOOD], Level.PASS),
        ([ruleset(("mission/governance", None))], Level.FAIL),
        ([ruleset(("mission/governance", 8))], Level.FAIL),
        ([ruleset(("ci", None))], Level.FAIL),
        ([], Level.FAIL),
        ([GOOD, ruleset(("mission/observation", OURS))], Level.FAIL),
        ([ruleset(("mission/governance", OURS), strict=False)], Level.FAIL),
        ([ruleset(("mission/governance", OURS), strict=False), rule("merge_queue")], Level.PASS),
        ([GOOD, rule("required_signatures")], Level.WARN),
        ([GOOD, rule("merge_queue", grouping_strategy="ALLGREEN")], Level.PASS),
        ([GOOD, rule("merge_queue", grouping_strategy="HEADGREEN")], Level.WARN),
    ],
)
def test_rulesets_are_judged_as_protection_is(rules, wanted):
    assert worst(branch.check_branch(branch.combine(None, rules), OURS, "o/n main")) is wanted


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([GOOD, rule("merge_queue", grouping_strategy="HEADGREEN")], "ours could land failed"),
        ([rule("merge_queue", grouping_strategy="ALLGREEN")], "the queue alone decides"),
        ([GOOD, rule("merge_queue", grouping_strategy="ALLGREEN")], "has to pass by itself"),
    ],
)
def test_merge_queue_must_land_nothing_that_was_not_judged(rules, words):
    findings = branch.check_branch(branch.combine(None, rules), OURS, "o/n main")
    (found,) = (each for each in findings if each.check == "o/n main: merge queue")
    assert words in found.found


def test_merge_queue_beside_a_protection_that_cannot_be_read_is_not_called_lax():
    findings = branch.check_branch(branch.combine(DENIED, [rule("merge_queue")]), OURS, "o/n main")
    (found,) = (each for each in findings if each.check == "o/n main: merge queue")
    assert found.level is Level.PASS


def test_classic_protection_and_rulesets_count_together():
    classic = branch.Classic.model_validate(
        {"required_status_checks": {"strict": True, "contexts": ["ci"], "checks": []}}
    )
    rules = branch.combine(classic, [ruleset(("mission/governance", OURS), strict=False)])
    assert {each.context for each in rules.required} == {"ci", "mission/governance"}
    assert rules.strict is True


def test_a_check_from_any_app_is_from_anybody():
    classic = branch.Classic.model_validate(
        {"required_status_checks": {"checks": [{"context": "mission/governance", "app_id": -1}]}}
    )
    assert branch.combine(classic, []).required == (branch.Required("mission/governance", None),)


@pytest.mark.parametrize(("classic", "rules"), [(DENIED, []), (None, DENIED)])
def test_protection_that_cannot_be_read_is_a_warning_and_no_verdict(classic, rules):
    findings = branch.check_branch(branch.combine(classic, rules), OURS, "o/n main")
    assert {each.level for each in findings} == {Level.WARN}
    assert all("cannot tell" in each.found for each in findings)


def test_what_the_branch_itself_shows_does_not_tell_whether_it_is_strict():
    classic = branch.Classic.model_validate(
        {"required_status_checks": {"checks": [{"context": "mission/governance", "app_id": OURS}]}}
    )
    findings = branch.check_branch(branch.combine(classic, []), OURS, "o/n main")
    assert [each.level for each in findings] == [Level.PASS, Level.WARN]


@pytest.mark.parametrize(
    ("shown", "rules", "method", "wanted"),
    [
        ({"allow_merge_commit": True}, [], "merge", Level.PASS),
        ({"allow_merge_commit": False}, [], "merge", Level.FAIL),
        ({}, [], "merge", Level.WARN),
        ({"allow_merge_commit": True}, [rule("required_linear_history")], "merge", Level.FAIL),
        ({"allow_squash_merge": True}, [rule("required_linear_history")], "squash", Level.PASS),
        (
            {"allow_merge_commit": True},
            [rule("pull_request", allowed_merge_methods=["squash"])],
            "merge",
            Level.FAIL,
        ),
        ({"allow_merge_commit": False}, [rule("merge_queue")], "merge", Level.PASS),
    ],
)
def test_the_merge_method_must_be_allowed_everywhere(shown, rules, method, wanted):
    facts = branch.RepositoryFacts(full_name="o/n", default_branch="main", **shown)
    found = branch.check_methods(facts, branch.combine(None, rules), method, "o/n main")
    assert found.level is wanted


def test_the_ledgers_branch_wants_both_rules():
    both = [rule("deletion"), rule("non_fast_forward")]
    assert branch.check_ledger_branch(None, both, "o/n").level is Level.PASS
    assert branch.check_ledger_branch(None, both[:1], "o/n").level is Level.WARN
    assert branch.check_ledger_branch(None, DENIED, "o/n").level is Level.WARN
    shown = branch.BranchFacts(name="grace-ledger", protected=True)
    assert branch.check_ledger_branch(shown, [], "o/n").level is Level.PASS


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({}, Level.PASS),
        ({"checks": "read"}, Level.FAIL),
        ({"contents": ""}, Level.FAIL),
        ({"administration": ""}, Level.WARN),
        ({"administration": "write"}, Level.WARN),
        ({"workflows": "write"}, Level.WARN),
        ({"secrets": "read"}, Level.WARN),
        ({"members": "read"}, Level.PASS),
        ({"statuses": "write"}, Level.WARN),
        ({"actions": "read"}, Level.WARN),
        ({"actions": ""}, Level.FAIL),
    ],
)
def test_permissions_are_enough_and_not_too_much(change, wanted):
    found = app.check_permissions({**GRANTED, **change}, "p", "there")
    assert worst(found) is wanted


def test_events_that_only_an_optional_permission_brings_are_a_warning():
    assert app.check_events([e for e in EVENTS if e != "merge_group"]).level is Level.WARN
    assert app.check_events([e for e in EVENTS if e != "issues"]).level is Level.FAIL


@pytest.mark.parametrize(
    ("change", "expected", "wanted"),
    [
        ({}, None, Level.PASS),
        ({}, "https://bot.example/hooks/github", Level.PASS),
        ({}, "https://other.example/hooks/github", Level.FAIL),
        ({"url": "https://bot.example/hook"}, None, Level.FAIL),
        ({"url": None}, None, Level.WARN),
        ({"secret": None}, None, Level.FAIL),
        ({"content_type": "form"}, None, Level.FAIL),
        ({"insecure_ssl": "1"}, None, Level.WARN),
        ({"insecure_ssl": 0.0}, None, Level.PASS),
    ],
)
def test_the_webhook_is_signed_json_to_our_path(change, expected, wanted):
    assert worst(app.check_hook(HOOK.model_copy(update=change), expected)) is wanted


def test_a_webhook_that_cannot_be_read_is_a_warning():
    assert worst(app.check_hook(DENIED, None)) is Level.WARN


def delivery(guid, code):
    return app.DeliveryFacts(
        guid=guid, delivered_at=datetime.now(UTC), status="x", status_code=code
    )


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        ([], Level.PASS),
        ([("a", 202)], Level.PASS),
        ([("a", 202), ("a", 502)], Level.PASS),
        ([("a", 502), ("a", 202)], Level.PASS),
        ([("b", 202), ("a", 502)], Level.WARN),
        ([("a", 502)], Level.FAIL),
        ([("d", 0), ("c", 0), ("b", 0), ("a", 202)], Level.FAIL),
    ],
)
def test_a_delivery_is_lost_when_no_try_brought_it(made, wanted):
    assert app.check_deliveries([delivery(*each) for each in made]).level is wanted


def test_a_suspended_installation_fails():
    facts = app.InstallationFacts(id=1, suspended_at=datetime.now(UTC), permissions=GRANTED)
    assert worst(app.check_installation(facts, "o/n")) is Level.FAIL
    facts = app.InstallationFacts(id=1, permissions={**GRANTED, "checks": "read"})
    (finding,) = app.check_installation(facts, "o/n")
    assert "accepting the App's request" in finding.mend


@pytest.mark.parametrize("secret", ["x", "a" * 40, "abcabcabcabcabcabcabcabc"])
def test_a_secret_that_can_be_guessed_is_noticed(secret):
    assert check_secret(secret).level is Level.WARN
    assert secret not in check_secret(secret).found


class Clock:
    def now(self):
        return datetime.now(UTC)


def api(answer):
    sent = []

    def handle(request):
        sent.append(request)
        return answer(request)

    client = httpx.AsyncClient(transport=httpx.MockTransport(handle))
    return Api(client, "https://github.test/api/v3", Clock()), sent


async def test_a_token_is_sent_to_no_other_host():
    there = {"location": "https://evil.example/repositories/1"}
    reader, sent = api(lambda _: httpx.Response(301, headers=there))
    assert (await reader.get("/repos/a/b", "t")).status == 301
    assert [request.url.host for request in sent] == ["github.test"]


async def test_a_renamed_repository_is_followed():
    there = {"location": "https://github.test/api/v3/repositories/1"}
    reader, sent = api(
        lambda r: (
            httpx.Response(301, headers=there)
            if "/repos/" in r.url.path
            else httpx.Response(200, json={"full_name": "a/c", "default_branch": "main"})
        )
    )
    facts = fit(branch.RepositoryFacts, await reader.get("/repos/a/b", "t"))
    assert isinstance(facts, branch.RepositoryFacts)
    assert [r.headers["authorization"] for r in sent] == ["Bearer t", "Bearer t"]


async def test_no_answer_tells_its_kind_and_not_the_token():
    def fail(request):
        raise httpx.ConnectError(f"with {request.headers['authorization']}")

    reader, _ = api(fail)
    got = await reader.get("/app", "the-token")
    assert got.problem == "github.test did not answer (ConnectError)"


@pytest.mark.parametrize("body", [b"{", b"[1]", b"{}", b"null"])
async def test_an_answer_that_does_not_fit_is_no_fact(body):
    reader, _ = api(lambda _: httpx.Response(200, content=body))
    got = await reader.get("/app", "t")
    assert isinstance(fit(app.AppFacts, got), Unknown)
    assert isinstance(fit_all(app.DeliveryFacts, got), Unknown)


def test_a_refusal_tells_what_the_forge_said():
    unknown = fit(app.AppFacts, Got(403, {"message": "Resource not accessible by integration"}))
    assert isinstance(unknown, Unknown)
    assert unknown.why == "the forge answered 403 (Resource not accessible by integration)"
