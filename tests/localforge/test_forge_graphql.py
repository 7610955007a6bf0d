"""GraphQL: what a sweep reads, GitHub's errors, permissions, pages, costs, mutations."""

from typing import Any

from localforge.forge_world import REPO, World

SWEEP = """
query Sweep($owner: String!, $name: String!, $issue: Int!, $pull: Int!, $sha: GitObjectID) {
  first: repository(owner: $owner, name: $name) {
    id databaseId
    issue(number: $issue) { id number state stateReason updatedAt author { login __typename } }
    ...Change
    object(oid: $sha) { oid ... on Commit { deployments(last: 5) { nodes {
      databaseId environment latestStatus { state createdAt } } } } }
    ref(qualifiedName: "refs/heads/main") { name target { oid } }
  }
  gone: repository(owner: "ann", name: "nowhere") { id }
  rateLimit { cost remaining limit resetAt used }
}
fragment Change on Repository {
  pullRequest(number: $pull) {
    id number state merged isDraft headRefName headRefOid baseRefName baseRefOid
    mergeCommit { oid } author { login } mergedBy { login } mergeable updatedAt
    isInMergeQueue mergeQueueEntry { position state }
    reviews(last: 30) { nodes { databaseId author { login } state submittedAt commit { oid } } }
    commits(last: 1) { nodes { commit { oid statusCheckRollup { state contexts(first: 50) { nodes {
      __typename
      ... on CheckRun { databaseId name status conclusion detailsUrl startedAt completedAt
                        checkSuite { app { databaseId slug } workflowRun { databaseId } } }
      ... on StatusContext { id context state targetUrl createdAt creator { login } }
    } } } } } }
  }
}
"""


async def _busy(world: World) -> tuple[int, str]:
    """Make a pull request that is reviewed, checked and deployed; return its number and head."""
    ann, bob = world.person("ann"), world.person("bob")
    await bob.post(f"{REPO}/issues", json={"title": "Slow"})
    sha = await world.commit("fix", "a.txt", "fixed\n")
    number = await world.pull("fix")
    await bob.post(f"{REPO}/pulls/{number}/reviews", json={"event": "APPROVE"})
    await world.check(sha, "old", "failure")
    await world.check(sha, "old", "success")
    await ann.post(f"{REPO}/statuses/{sha}", json={"state": "pending", "context": "lint"})
    body = {"ref": sha, "environment": "production", "required_contexts": []}
    made = (await ann.post(f"{REPO}/deployments", json=body)).json()
    await ann.post(f"{REPO}/deployments/{made['id']}/statuses", json={"state": "success"})
    return number, sha


async def test_newest_deployments_of_one_environment_are_listed(world: World) -> None:
    await _busy(world)
    document = """{ repository(owner: "ann", name: "app") {
      here: deployments(last: 5, environments: ["production"]) { nodes { environment commitOid } }
      there: deployments(last: 5, environments: ["staging"]) { totalCount }
      all: deployments(last: 5) { totalCount } } }"""
    found = (await world.ask(document, await world.bot()))["data"]["repository"]
    [node] = found["here"]["nodes"]
    assert (node["environment"], len(node["commitOid"])) == ("production", 40)
    assert (found["there"]["totalCount"], found["all"]["totalCount"]) == (0, 1)


async def test_one_query_reads_what_a_sweep_wants(world: World) -> None:
    number, sha = await _busy(world)
    bot = await world.bot()
    variables = {"owner": "ann", "name": "app", "issue": 1, "pull": number, "sha": sha}
    answer = await world.ask(SWEEP, bot, **variables)
    found = answer["data"]["first"]
    assert (found["issue"]["state"], found["issue"]["author"]["login"]) == ("OPEN", "bob")
    pull = found["pullRequest"]
    assert (pull["state"], pull["merged"], pull["headRefOid"]) == ("OPEN", False, sha)
    assert (pull["mergeCommit"], pull["mergeQueueEntry"], pull["mergeable"]) == (
        None,
        None,
        "UNKNOWN",
    )
    (review,) = pull["reviews"]["nodes"]
    assert (review["state"], review["commit"]["oid"]) == ("APPROVED", sha)
    (commit,) = pull["commits"]["nodes"]
    rollup = commit["commit"]["statusCheckRollup"]
    assert rollup["state"] == "PENDING"
    check, status = rollup["contexts"]["nodes"]
    assert (check["__typename"], check["name"], check["conclusion"]) == (
        "CheckRun",
        "old",
        "SUCCESS",
    )
    assert check["checkSuite"] == {
        "app": {"databaseId": world.app.id, "slug": "grace"},
        "workflowRun": None,
    }
    assert (status["__typename"], status["state"]) == ("StatusContext", "PENDING")
    (deployment,) = found["object"]["deployments"]["nodes"]
    assert deployment["latestStatus"]["state"] == "SUCCESS"
    assert found["ref"]["target"]["oid"] == await world.tip()
    # Half an answer is an answer: the repository that is not there is null, and told of.
    assert answer["data"]["gone"] is None
    (error,) = answer["errors"]
    assert (error["type"], error["path"]) == ("NOT_FOUND", ["gone"])
    assert error["message"] == "Could not resolve to a Repository with the name 'ann/nowhere'."
    assert error["locations"][0]["line"] == 11
    assert answer["data"]["rateLimit"] | {"resetAt": ""} == {
        "cost": 1,
        "limit": 5000,
        "remaining": 4999,
        "used": 1,
        "resetAt": "",
    }
    calls = [call for call in await world.forge.calls("grace[bot]") if call.template == "/graphql"]
    assert [(call.method, call.status) for call in calls] == [("POST", 200)]


async def test_merged_pull_request_says_how(world: World) -> None:
    await world.commit("fix", "a.txt", "fixed\n")
    number = await world.pull("fix")
    bot = await world.bot()
    landed = (await bot.put(f"{REPO}/pulls/{number}/merge", json={})).json()["sha"]
    query = (
        '{ repository(owner: "ann", name: "app") { pullRequest(number: 1) {'
        " state merged mergeCommit { oid message } mergedBy { login __typename } } } }"
    )
    pull = (await world.ask(query))["data"]["repository"]["pullRequest"]
    assert (pull["state"], pull["merged"], pull["mergeCommit"]["oid"]) == ("MERGED", True, landed)
    # A bot's login has no suffix here, unlike in REST.
    assert pull["mergedBy"] == {"login": "grace", "__typename": "Bot"}


def _types(answer: dict[str, Any]) -> list[tuple[str, list[object]]]:
    return [(error["type"], error["path"]) for error in answer["errors"]]


async def test_missing_numbers_and_ids_are_not_found(world: World) -> None:
    query = (
        '{ repository(owner: "ann", name: "app") { issue(number: 9) { id } } node(id: "x") { id } }'
    )
    answer = await world.ask(query)
    assert answer["data"] == {"repository": {"issue": None}, "node": None}
    assert _types(answer) == [
        ("NOT_FOUND", ["node"]),
        ("NOT_FOUND", ["repository", "issue"]),
    ] or _types(answer) == [("NOT_FOUND", ["repository", "issue"]), ("NOT_FOUND", ["node"])]
    messages = {error["message"] for error in answer["errors"]}
    assert "Could not resolve to an Issue with the number of 9." in messages


async def test_an_app_reads_no_more_than_it_was_granted(world: World) -> None:
    number, sha = await _busy(world)
    bot = await world.bot(permissions={"pull_requests": "read", "statuses": "read"})
    variables = {"owner": "ann", "name": "app", "issue": 1, "pull": number, "sha": sha}
    answer = await world.ask(SWEEP, bot, **variables)
    first = answer["data"]["first"]
    assert (first["issue"], first["object"], first["ref"]) == (None, None, None)
    rollup = first["pullRequest"]["commits"]["nodes"][0]["commit"]["statusCheckRollup"]
    kinds = [node and node["__typename"] for node in rollup["contexts"]["nodes"]]
    assert kinds == [None, "StatusContext"]
    forbidden = [path for kind, path in _types(answer) if kind == "FORBIDDEN"]
    assert ["first", "issue"] in forbidden
    assert len(forbidden) == 4


async def test_private_repository_is_not_found_by_strangers(world: World) -> None:
    await world.person("ann").patch(REPO, json={"private": True})
    query = '{ repository(owner: "ann", name: "app") { id } }'
    answer = await world.ask(query, world.person("eve"))
    assert _types(answer) == [("NOT_FOUND", ["repository"])]
    anonymous = world.client(None)
    refused = await anonymous.post(f"{world.forge.url}/graphql", json={"query": query})
    assert refused.status_code == 401


async def test_questions_that_cannot_be_asked_say_so(world: World) -> None:
    for query, words in (
        ("", "must be a string"),
        ("{ repository(", "Syntax Error"),
        ("{ nonsense }", "Cannot query field"),
        (
            'query Q($n: Int!) { repository(owner: "a", name: "b") { issue(number: $n) { id } } }',
            "$n",
        ),
    ):
        answer = await world.ask(query)
        assert "data" not in answer
        assert words in answer["errors"][0]["message"]
    broken = await world.person("ann").post(f"{world.forge.url}/graphql", content=b"{")
    assert broken.status_code == 400


COMMENTS = """query($first: Int, $last: Int, $after: String) {
  repository(owner: "ann", name: "app") { issue(number: 1) {
    comments(first: $first, last: $last, after: $after) {
      totalCount pageInfo { hasNextPage hasPreviousPage endCursor } nodes { body } } } } }"""


async def test_connections_are_pages(world: World) -> None:
    ann = world.person("ann")
    await ann.post(f"{REPO}/issues", json={"title": "t"})
    for number in range(3):
        await ann.post(f"{REPO}/issues/1/comments", json={"body": f"c{number}"})

    async def page(**variables: Any) -> tuple[list[str], dict[str, Any]]:
        answer = await world.ask(COMMENTS, **variables)
        found = answer["data"]["repository"]["issue"]["comments"]
        assert found["totalCount"] == 3
        return [node["body"] for node in found["nodes"]], found["pageInfo"]

    bodies, info = await page(first=2)
    assert (bodies, info["hasNextPage"], info["hasPreviousPage"]) == (["c0", "c1"], True, False)
    assert (await page(first=2, after=info["endCursor"]))[0] == ["c2"]
    bodies, info = await page(last=2)
    assert (bodies, info["hasNextPage"], info["hasPreviousPage"]) == (["c1", "c2"], False, True)
    for variables, kind in (
        ({}, "MISSING_PAGINATION_BOUNDARIES"),
        ({"first": 101}, "EXCESSIVE_PAGINATION"),
    ):
        answer = await world.ask(COMMENTS, **variables)
        assert [error["type"] for error in answer["errors"]] == [kind]


async def test_big_queries_cost_more_and_too_big_ones_are_refused(world: World) -> None:
    parts = " ".join(
        f'm{n}: repository(owner: "ann", name: "app") {{ pullRequest(number: 1) {{'
        " commits(first: 20) { nodes { commit { deployments(first: 5) { nodes { id } } } } } } }"
        for n in range(10)
    )
    answer = await world.ask(f"{{ {parts} rateLimit {{ cost used nodeCount }} }}")
    # Ten connections of commits, and one of deployments for each of their 200 commits.
    limit = answer["data"]["rateLimit"]
    assert limit == {"cost": 2, "used": 2, "nodeCount": 10 * (20 + 100)}
    deep = "commits(first: 100) { nodes { pullRequest { " * 4 + "id" + " } } }" * 4
    huge = f'{{ repository(owner: "ann", name: "app") {{ pullRequest(number: 1) {{ {deep} }} }} }}'
    answer = await world.ask(huge)
    assert "exceeds the maximum limit of 500000" in answer["errors"][0]["message"]


async def test_mutations_write_what_rest_reads(world: World) -> None:
    ann, bot = world.person("ann"), await world.bot()
    issue = (await ann.post(f"{REPO}/issues", json={"title": "t"})).json()
    add = (
        'mutation($id: ID!) { addComment(input: {subjectId: $id, body: "hello",'
        ' clientMutationId: "7"}) { clientMutationId commentEdge { node { id databaseId } } } }'
    )
    made = (await world.ask(add, bot, id=issue["node_id"]))["data"]["addComment"]
    assert made["clientMutationId"] == "7"
    node = made["commentEdge"]["node"]
    edit = (
        "mutation($id: ID!, $b: String!) { updateIssueComment(input: {id: $id, body: $b})"
        " { issueComment { body } } }"
    )
    await world.ask(edit, bot, id=node["id"], b="hello!")
    comment = (await ann.get(f"{REPO}/issues/comments/{node['databaseId']}")).json()
    assert (comment["body"], comment["user"]["login"]) == ("hello!", "grace[bot]")
    refused = await world.ask(edit, world.person("eve"), id=node["id"], b="mine")
    assert [error["type"] for error in refused["errors"]] == ["FORBIDDEN"]
    assert [e["type"] for e in (await world.ask(edit, bot, id=node["id"], b=" "))["errors"]] == [
        "UNPROCESSABLE"
    ]
    close = (
        "mutation($id: ID!) { closeIssue(input: {issueId: $id, stateReason: NOT_PLANNED})"
        " { issue { state stateReason } } }"
    )
    closed = (await world.ask(close, bot, id=issue["node_id"]))["data"]["closeIssue"]["issue"]
    assert closed == {"state": "CLOSED", "stateReason": "NOT_PLANNED"}
    await world.forge.idle()
    assert world.receiver.last("issues.closed")["issue"]["state_reason"] == "not_planned"


async def test_edits_of_an_issue_name_their_editors_and_the_last_ones_time(
    world: World,
) -> None:
    await world.forge.add_collaborator("ann/app", "bob", "write")
    ann, bob = world.person("ann"), world.person("bob")
    await ann.post(f"{REPO}/issues", json={"title": "t", "body": "a"})
    asked = (
        '{ repository(owner: "ann", name: "app") { issue(number: 1) { lastEditedAt editor { login }'
        " userContentEdits(last: 20) { nodes { editor { login } editedAt } } } } }"
    )

    async def issue() -> Any:
        answer = await world.person("ann").post(
            f"{world.forge.url}/api/graphql", json={"query": asked}
        )
        return answer.json()["data"]["repository"]["issue"]

    none = {"lastEditedAt": None, "editor": None, "userContentEdits": {"nodes": []}}
    assert await issue() == none
    for person, body in ((bob, "b"), (ann, "c"), (ann, "c")):
        await person.patch(f"{REPO}/issues/1", json={"body": body})
    found = await issue()
    assert [e["editor"]["login"] for e in found["userContentEdits"]["nodes"]] == ["bob", "ann"]
    assert found["editor"]["login"] == "ann"
    assert found["lastEditedAt"] == found["userContentEdits"]["nodes"][-1]["editedAt"]


async def test_a_former_name_leads_to_the_repository_unless_that_is_forbidden(
    world: World,
) -> None:
    ann = world.person("ann")
    await ann.patch(REPO, json={"name": "renamed"})

    async def named(more: str = "") -> Any:
        query = f'{{ repository(owner: "ann", name: "app"{more}) {{ nameWithOwner }} }}'
        answer = await world.person("ann").post(
            f"{world.forge.url}/api/graphql", json={"query": query}
        )
        return answer.json()["data"]["repository"]

    assert await named() == {"nameWithOwner": "ann/renamed"}
    assert await named(", followRenames: false") is None
