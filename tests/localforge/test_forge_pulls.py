"""Pull requests where bots trip: merges refused, heads that move, reviews that count."""

import asyncio

import httpx
import pytest

from localforge.forge_world import REPO, World


async def _merge(client: httpx.AsyncClient, number: int, **body: object) -> httpx.Response:
    return await client.put(f"{REPO}/pulls/{number}/merge", json=body)


async def _approve(world: World, number: int, who: str = "bob") -> int:
    path = f"{REPO}/pulls/{number}/reviews"
    answer = await world.person(who).post(path, json={"event": "APPROVE"})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


async def _check(world: World, sha: str, conclusion: str | None, name: str = "ci") -> None:
    body = {"name": name, "head_sha": sha, "status": "in_progress"}
    if conclusion:
        body = {"name": name, "head_sha": sha, "conclusion": conclusion}
    answer = await (await world.bot()).post(f"{REPO}/check-runs", json=body)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"head": "nope"}, "head"),
        ({"base": "nope"}, "base"),
        ({"head": "main"}, "No commits between main and main"),
        ({}, "A pull request already exists for ann:fix."),
    ],
)
async def test_impossible_pull_request_is_refused(
    world: World, change: dict[str, str], words: str
) -> None:
    await world.commit("fix", "b.txt", "b")
    await world.pull("fix")
    body = {"title": "t", "head": "fix", "base": "main", **change}
    answer = await world.person("ann").post(f"{REPO}/pulls", json=body)
    assert answer.status_code == 422
    assert answer.json()["message"] == "Validation Failed"
    assert words in answer.text


async def test_stale_sha_is_409_and_the_right_one_merges_with_the_exact_message(
    world: World,
) -> None:
    old = await world.commit("fix", "b.txt", "b")
    number = await world.pull("fix")
    new = await world.commit("fix", "b.txt", "c")
    ann = world.person("ann")
    stale = await _merge(ann, number, sha=old)
    assert stale.status_code == 409
    expected = "Head branch was modified. Review and try the merge again."
    assert stale.json()["message"] == expected
    message = "Body\n\nMission: m1\nRefs #1"
    done = await _merge(ann, number, sha=new, commit_title="Land it", commit_message=message)
    assert done.status_code == 200
    landed = (await ann.get(f"{REPO}/git/commits/{done.json()['sha']}")).json()
    assert landed["message"] == f"Land it\n\n{message}"
    assert [parent["sha"] for parent in landed["parents"]][1] == new
    assert landed["author"]["name"] == "ann"
    assert landed["committer"]["name"] == "Local Forge"
    again = await _merge(ann, number)
    assert (again.status_code, again.json()["message"]) == (405, "Pull Request is not mergeable")


async def test_required_checks_and_reviews_hold_the_merge(world: World) -> None:
    app_id = world.app.id
    await world.protect(
        required_status_checks={"strict": False, "checks": [{"context": "ci", "app_id": app_id}]},
        required_pull_request_reviews={"required_approving_review_count": 1},
    )
    sha = await world.commit("fix", "b.txt", "b")
    number = await world.pull("fix")
    ann = world.person("ann")
    refused = await _merge(ann, number)
    assert refused.status_code == 405
    assert 'Required status check "ci" is expected.' in refused.json()["message"]
    assert "At least 1 approving review" in refused.json()["message"]
    # A status by the same name from somebody else does not stand in for the App's check.
    await ann.post(f"{REPO}/statuses/{sha}", json={"state": "success", "context": "ci"})
    await _check(world, sha, "failure")
    await _approve(world, number)
    assert 'check "ci" is failing' in (await _merge(ann, number)).json()["message"]
    await ann.get(f"{REPO}/pulls/{number}")
    await world.forge.idle()
    blocked = (await ann.get(f"{REPO}/pulls/{number}")).json()
    assert (blocked["mergeable"], blocked["mergeable_state"]) == (True, "blocked")
    await _check(world, sha, "success")
    assert (await _merge(ann, number)).status_code == 200


async def test_a_strangers_approval_and_ones_own_do_not_count(world: World) -> None:
    await world.protect(required_pull_request_reviews={"required_approving_review_count": 1})
    await world.commit("fix", "b.txt", "b")
    number = await world.pull("fix")
    own = await world.person("ann").post(
        f"{REPO}/pulls/{number}/reviews", json={"event": "APPROVE"}
    )
    assert own.status_code == 422
    assert own.json()["message"] == "Review Can not approve your own pull request"
    await _approve(world, number, "eve")
    assert (await _merge(world.person("ann"), number)).status_code == 405
    await _approve(world, number, "bob")
    asked = {"event": "REQUEST_CHANGES", "body": "no"}
    await world.person("bob").post(f"{REPO}/pulls/{number}/reviews", json=asked)
    refused = await _merge(world.person("ann"), number)
    assert "Changes have been requested" in refused.json()["message"]
    await _approve(world, number, "bob")
    assert (await _merge(world.person("ann"), number)).status_code == 200


async def test_a_push_dismisses_stale_approvals_and_is_told(world: World) -> None:
    await world.protect(
        required_pull_request_reviews={
            "required_approving_review_count": 1,
            "dismiss_stale_reviews": True,
        }
    )
    old = await world.commit("fix", "b.txt", "b")
    number = await world.pull("fix")
    review = await _approve(world, number)
    new = await world.commit("fix", "b.txt", "c")
    found = await world.person("ann").get(f"{REPO}/pulls/{number}/reviews/{review}")
    assert found.json()["state"] == "DISMISSED"
    assert (await _merge(world.person("ann"), number)).status_code == 405
    await world.forge.idle()
    synchronize = world.receiver.last("pull_request.synchronize")
    assert (synchronize["before"], synchronize["after"]) == (old, new)
    assert world.receiver.last("pull_request_review.dismissed")["review"]["state"] == "dismissed"


async def test_strict_protection_wants_the_head_to_contain_the_base(world: World) -> None:
    await world.protect(
        required_status_checks={"strict": True, "contexts": []}, enforce_admins=True
    )
    await world.commit("fix", "b.txt", "b")
    number = await world.pull("fix")
    ann = world.person("ann")
    await world.commit("main", "c.txt", "c")
    refused = await _merge(ann, number)
    assert refused.status_code == 405
    assert "not up to date" in refused.json()["message"]
    await ann.get(f"{REPO}/pulls/{number}")
    await world.forge.idle()
    assert (await ann.get(f"{REPO}/pulls/{number}")).json()["mergeable_state"] == "behind"
    updated = await ann.put(f"{REPO}/pulls/{number}/update-branch", json={})
    assert updated.status_code == 202
    again = await ann.put(f"{REPO}/pulls/{number}/update-branch", json={})
    assert again.status_code == 422
    assert (await _merge(ann, number)).status_code == 200


async def test_mergeable_is_null_first_after_every_change(world: World) -> None:
    await world.commit("fix", "a.txt", "ours\n")
    number = await world.pull("fix")
    ann = world.person("ann")
    states = []
    for change in (None, "main", "fix"):
        if change:
            await world.commit(change, "a.txt", f"by {change}\n")
        for _ in range(2):
            got = (await ann.get(f"{REPO}/pulls/{number}")).json()
            states.append((got["mergeable"], got["mergeable_state"]))
            await world.forge.idle()
    null = (None, "unknown")
    assert states == [null, (True, "clean"), null, (False, "dirty"), null, (False, "dirty")]
    refused = await _merge(ann, number)
    assert (refused.status_code, refused.json()["message"]) == (
        405,
        "Pull Request is not mergeable",
    )


@pytest.mark.parametrize(("method", "parents"), [("squash", 1), ("rebase", 1), ("merge", 2)])
async def test_each_merge_method_lands_the_same_tree(
    world: World, method: str, parents: int
) -> None:
    await world.commit("fix", "b.txt", "1")
    await world.commit("fix", "c.txt", "2")
    number = await world.pull("fix")
    await world.commit("main", "d.txt", "3")
    ann = world.person("ann")
    done = await _merge(ann, number, merge_method=method)
    assert done.status_code == 200
    landed = (await ann.get(f"{REPO}/commits/main")).json()
    assert landed["sha"] == done.json()["sha"]
    assert len(landed["parents"]) == parents
    tree = (await ann.get(f"{REPO}/git/trees/main")).json()["tree"]
    assert {entry["path"] for entry in tree} == {"a.txt", "b.txt", "c.txt", "d.txt", "src"}
    message = landed["commit"]["message"]
    assert {
        "squash": message.startswith("Merge fix (#1)"),
        "rebase": message == "put c.txt",
        "merge": message == "Merge pull request #1 from ann/fix\n\nMerge fix",
    }[method]


async def test_two_merges_at_once_land_one_after_the_other(world: World) -> None:
    for name in ("one", "two"):
        await world.commit(name, f"{name}.txt", name)
    numbers = [await world.pull("one"), await world.pull("two")]
    answers = await asyncio.gather(*(_merge(world.person("ann"), n) for n in numbers))
    assert [answer.status_code for answer in answers] == [200, 200]
    tree = (await world.person("ann").get(f"{REPO}/git/trees/main")).json()["tree"]
    assert {"one.txt", "two.txt"} <= {entry["path"] for entry in tree}


async def test_closing_words_close_and_refs_does_not(world: World) -> None:
    ann = world.person("ann")
    for title in ("first", "second"):
        await ann.post(f"{REPO}/issues", json={"title": title})
    await world.commit("fix", "b.txt", "b")
    number = await world.pull("fix", body="Fixes #1\nRefs #2")
    assert (await _merge(ann, number)).status_code == 200
    states = [(await ann.get(f"{REPO}/issues/{n}")).json()["state"] for n in (1, 2, number)]
    assert states == ["closed", "open", "closed"]
    await world.forge.idle()
    assert world.receiver.last("pull_request.closed")["pull_request"]["merged"] is True


async def test_draft_and_deleted_head_do_not_merge(world: World) -> None:
    ann = world.person("ann")
    await world.commit("fix", "b.txt", "b")
    draft = await world.pull("fix", draft=True)
    assert (await _merge(ann, draft)).status_code == 405
    await world.commit("gone", "g.txt", "g")
    number = await world.pull("gone")
    assert (await ann.delete(f"{REPO}/git/refs/heads/gone")).status_code == 204
    closed = (await ann.get(f"{REPO}/pulls/{number}")).json()
    assert (closed["state"], closed["merged"], closed["changed_files"]) == ("closed", False, 1)
    reopened = await ann.patch(f"{REPO}/pulls/{number}", json={"state": "open"})
    assert reopened.status_code == 422


async def test_a_fork_opens_a_pull_request_without_push_rights(world: World) -> None:
    eve = world.person("eve")
    assert (await eve.post(f"{REPO}/forks", json={})).status_code == 202
    body = {"message": "m", "content": "aGk=", "branch": "main"}
    assert (await eve.put("/repos/eve/app/contents/f.txt", json=body)).status_code == 201
    pull = {"title": "From a fork", "base": "main", "head": "eve:main"}
    made = await eve.post(f"{REPO}/pulls", json=pull)
    assert made.status_code == 201, made.text
    shape = made.json()
    assert shape["head"]["repo"]["full_name"] == "eve/app"
    assert (shape["changed_files"], shape["author_association"]) == (1, "NONE")
    assert (await _merge(eve, shape["number"])).status_code == 403
    assert (await _merge(world.person("ann"), shape["number"])).status_code == 200
    assert (await world.person("ann").get(f"{REPO}/contents/f.txt")).status_code == 200
