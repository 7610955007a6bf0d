"""GitHub's schema: the check itself finds what is wrong, and the forge serves nothing else."""

import json

from grace.localforge.forge import Exchange
from grace.localforge.routes.table import ALL_ROUTES
from localforge.forge_world import REPO, World
from support.schema import GitHubSchema, SchemaCheck


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
