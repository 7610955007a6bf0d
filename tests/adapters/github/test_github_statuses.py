"""Who has a token and no app: refused for check runs, served with commit statuses."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from githubkit_schemas.latest import models

from grace.adapters.github.forge import GitHubForge
from grace.adapters.github.session import GitHubSite
from grace.ports import CheckDraft, ForgeRefused

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SHA = "a" * 40
PLACE = f"https://github.test/acme/mesh/commit/{SHA}#uid:gates"


def draft(**changes: Any) -> CheckDraft:
    fields: dict[str, Any] = {
        "name": "mission/governance",
        "sha": SHA,
        "external_id": "uid:gates",
        "conclusion": None,
        "title": "waiting",
        "summary": "for CI",
        "at": NOW,
    }
    return CheckDraft(**(fields | changes))


@pytest.fixture
async def token(github: Any, site: GitHubSite) -> AsyncIterator[Any]:
    """Speak as a token's owner."""
    mine = replace(site, app_id=0, private_key="", token="ghp_mine", mode="statuses")
    async with httpx.AsyncClient(
        transport=httpx.MockTransport(github.router.async_handler)
    ) as client:
        github.forge = GitHubForge(mine, client, github.clock, github.calls.append)
        github.on("GET", "/user").respond(json={"login": "release-bot", "id": 3, "type": "User"})
        github.ref = github.ref.model_copy(update={"installation_id": None})
        yield github


def test_token_for_check_runs_is_refused_with_the_reason(site: GitHubSite) -> None:
    with pytest.raises(ValueError, match="cannot create check runs, only a GitHub App can"):
        replace(site, app_id=0, private_key="", token="ghp_mine")
    with pytest.raises(ValueError, match="both a GitHub App and a token"):
        replace(site, token="ghp_mine", mode="statuses")


def test_neither_app_nor_token_says_where_to_get_a_key(site: GitHubSite, github: Any) -> None:
    nobody = replace(site, private_key="")
    with pytest.raises(ValueError, match="not an RSA private key"):
        GitHubForge(nobody, httpx.AsyncClient(), github.clock, github.calls.append)


async def test_token_is_in_no_repr_and_its_owner_is_who_we_are(token: Any, site: Any) -> None:
    assert "ghp_mine" not in repr(replace(site, private_key="", token="ghp_mine", mode="statuses"))
    assert await token.forge.reach() == "GitHub at github.test knows the token's owner, release-bot"
    assert (await token.forge.identity()).bot_login == "release-bot"
    assert (await token.forge.git_access(token.ref)).token == "ghp_mine"
    assert await token.forge.redeliver(NOW) == 0
    assert token.purposes() == ["user"]


async def test_repository_is_resolved_without_an_installation(token: Any, payloads: Any) -> None:
    token.repo("GET", "").respond(json=payloads.repository())
    assert await token.forge.resolve("github.test", "acme/mesh") == token.ref


async def test_token_that_is_refused_is_not_tried_twice(token: Any) -> None:
    route = token.repo("POST", "/issues/3/comments").respond(401, json={"message": "ghp_mine?"})
    with pytest.raises(ForgeRefused, match=r"does not accept our credentials.*\*\*\*"):
        await token.forge.post_comment(token.ref, 3, "x")
    assert route.call_count == 1


@pytest.mark.parametrize(
    ("conclusion", "state"),
    [
        (None, "pending"),
        ("action_required", "pending"),
        ("success", "success"),
        ("failure", "failure"),
        ("neutral", "error"),
    ],
)
async def test_check_becomes_a_status(token: Any, conclusion: Any, state: str) -> None:
    route = token.repo("POST", f"/statuses/{SHA}").respond(201, json={"id": 31})
    made = draft(conclusion=conclusion, title="x" * 150)
    assert await token.forge.publish_check(token.ref, made, "30") == "31"
    sent = token.sent(route)
    models.ReposOwnerRepoStatusesShaPostBody.model_validate(sent)
    assert sent == {
        "state": state,
        "context": "mission/governance",
        "description": "x" * 137 + "...",
        "target_url": PLACE,
    }


async def test_status_is_found_by_its_link_and_only_if_we_made_it(token: Any) -> None:
    us = {"login": "Release-Bot"}
    listed = [
        {"id": 4, "target_url": PLACE, "creator": {"login": "eve"}},
        {"id": 3, "target_url": None, "creator": us},
        {"id": 2, "target_url": PLACE, "creator": us},
        {"id": 1, "target_url": PLACE, "creator": us},
    ]
    token.repo("GET", f"/commits/{SHA}/statuses").respond(json=listed)
    assert await token.forge.find_check(token.ref, SHA, "uid:gates") == "2"
    assert await token.forge.find_check(token.ref, SHA, "uid:metrics") is None


async def test_app_may_use_statuses_too(github: Any, site: GitHubSite) -> None:
    transport = httpx.MockTransport(github.router.async_handler)
    async with httpx.AsyncClient(transport=transport) as client:
        mine = replace(site, mode="statuses")
        forge = GitHubForge(mine, client, github.clock, github.calls.append)
        github.repo("POST", f"/statuses/{SHA}").respond(201, json={"id": 31})
        assert await forge.publish_check(github.ref, draft(), None) == "31"
