"""GitHub's schema: the check itself finds what is wrong, and the forge serves nothing else."""

import json

import pytest

from grace.localforge.routes.table import ALL_ROUTES
from grace.localforge.watching import Exchange, WebhookQueued
from localforge.forge_world import REPO, World
from support.schema import GitHubSchema
from support.schema_check import SchemaCheck


def _exchange(method: str, template: str, request: object, status: int, answer: object) -> Exchange:
    sent, told = json.dumps(request).encode(), json.dumps(answer).encode()
    return Exchange("grace[bot]", method, template, template, "", sent, status, told)


def test_forge_serves_only_what_github_has(github_schema: GitHubSchema) -> None:
    unknown = [
        (route.method, route.path)
        for route in ALL_ROUTES
        if github_schema.find(route.method, route.path.replace(":.+}", "}")) is None
    ]
    assert unknown == []


async def test_answer_that_lost_a_field_or_its_type_is_found(
    world: World, github_schema: GitHubSchema
) -> None:
    answer = await world.person("ann").post(f"{REPO}/issues", json={"title": "t"})
    template, body = "/repos/{owner}/{repo}/issues", answer.json()
    for changed, words in (
        (
            {name: value for name, value in body.items() if name != "number"},
            "number: Field required",
        ),
        (body | {"number": "1"}, "number: Input should be a valid integer"),
        (body | {"created_at": "soon"}, "created_at: Input should be a valid datetime"),
    ):
        check = SchemaCheck(github_schema)
        check(_exchange("POST", template, {"title": "t"}, 201, changed))
        assert len(check.violations) == 1
        assert words in check.violations[0]


def test_body_that_github_would_not_know_is_found(github_schema: GitHubSchema) -> None:
    template = "/repos/{owner}/{repo}/pulls/{number}/merge"
    merged = {"sha": "1" * 40, "merged": True, "message": "done"}
    for body, words in (
        ({"sha": "1" * 40}, None),
        ({"sha": 1}, "sha.str: Input should be a valid string"),
        ({"merge_method": "octopus"}, "Input should be 'merge', 'squash' or 'rebase'"),
        ({"expected_sha": "1"}, "fields GitHub does not know: ['expected_sha']"),
    ):
        check = SchemaCheck(github_schema, requests_of="grace[bot]")
        check(_exchange("PUT", template, body, 200, merged))
        assert len(check.violations) == (words is not None)
        assert words is None or words in check.violations[0]


def test_operation_that_github_does_not_have_is_found(github_schema: GitHubSchema) -> None:
    check = SchemaCheck(github_schema)
    check(_exchange("POST", "/repos/{owner}/{repo}/magic", {}, 200, {}))
    assert check.violations == ["POST /repos/{owner}/{repo}/magic: GitHub has no such operation"]


async def test_every_answer_of_a_forge_is_looked_at(
    world: World, github_schema: GitHubSchema
) -> None:
    check = SchemaCheck(github_schema)
    world.forge.watch(check)
    ann = world.person("ann")
    await ann.post(f"{REPO}/issues", json={"title": "t"})
    await ann.get(f"{REPO}/issues/9")
    assert check.answered == {
        ("POST", "/repos/{owner}/{repo}/issues"),
        ("GET", "/repos/{owner}/{repo}/issues/{number}"),
    }
    check.assert_clean()


ASKED = 'query($n: Int!) { repository(owner: "ann", name: "app") { issue(number: $n) { id } } }'


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("state=all&per_page=100&page=2&since=2026-03-01T12:00:00Z", None),
        ("state=ajar", "state=ajar: "),
        ("per_page=many", "per_page=many: "),
        ("size=100", "sent a parameter GitHub does not know: size"),
    ],
)
def test_query_that_github_would_not_know_is_found(
    github_schema: GitHubSchema, query: str, words: str | None
) -> None:
    check = SchemaCheck(github_schema, requests_of="grace[bot]")
    template = "/repos/{owner}/{repo}/issues"
    check(Exchange("grace[bot]", "GET", template, template, query, b"", 200, b"[]"))
    assert len(check.violations) == (words is not None)
    assert words is None or words in check.violations[0]


def test_missing_body_and_one_that_nobody_reads_are_found(github_schema: GitHubSchema) -> None:
    check = SchemaCheck(github_schema, requests_of="grace[bot]")
    for method, template, body in (
        ("POST", "/repos/{owner}/{repo}/issues", b""),
        ("GET", "/repos/{owner}/{repo}", b"{}"),
        ("PUT", "/repos/{owner}/{repo}/pulls/{number}/merge", b""),  # which GitHub takes
    ):
        check(Exchange("grace[bot]", method, template, template, "", body, 404, b""))
    assert check.violations == [
        "POST /repos/{owner}/{repo}/issues: sent no body where GitHub wants one",
        "GET /repos/{owner}/{repo}: sent a body where GitHub takes none",
    ]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"query": ASKED, "variables": {"n": 1}}, None),
        ({"query": ASKED, "variables": {"n": "1"}}, "$n"),
        ({"query": ASKED}, "Int!"),
        ({"query": ASKED, "variables": {"n": 1, "m": 2}}, "does not declare: ['m']"),
        ({"query": ASKED, "variables": {"n": 1}, "name": "x"}, "does not know: ['name']"),
        ({"query": "{ viewer { shoeSize } }"}, "Cannot query field 'shoeSize' on type 'User'"),
        ({"query": "{ viewer"}, "Syntax Error"),
        ({"document": "{ viewer { login } }"}, "no query"),
    ],
)
def test_graphql_that_github_would_refuse_is_found(
    github_schema: GitHubSchema, body: dict[str, object], words: str | None
) -> None:
    check = SchemaCheck(github_schema, requests_of="grace[bot]")
    check(_exchange("POST", "/graphql", body, 200, {"data": None}))
    assert len(check.violations) == (words is not None)
    assert words is None or words in check.violations[0]


async def test_every_webhook_is_looked_at_and_one_that_lost_a_field_is_found(
    world: World, github_schema: GitHubSchema
) -> None:
    check = SchemaCheck(github_schema)
    world.forge.watch(check)
    await world.person("ann").post(f"{REPO}/issues", json={"title": "t"})
    await world.forge.idle()
    assert check.announced == {("issues", "opened")}
    check.assert_clean()
    body = world.receiver.last("issues.opened")
    del body["issue"]["user"]
    check(WebhookQueued("issues", "opened", json.dumps(body).encode()))
    check(WebhookQueued("issues", "solved", b"{}"))
    assert check.violations[1:] == ["webhook issues.solved: GitHub has no such event"]
    assert check.violations[0].startswith("webhook issues.opened: ")
    assert "Field required" in check.violations[0]
