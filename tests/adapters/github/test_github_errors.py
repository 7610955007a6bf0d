"""What each refusal of GitHub's becomes, and what never appears in an error."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from grace.adapters.github.problems import problem
from grace.adapters.github.wire import Refusal
from grace.ports import ForgeGone, ForgeRefused, ForgeUnavailable

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RESET = str(int(NOW.timestamp()) + 90)


@pytest.mark.parametrize(
    ("status", "headers", "text", "wait"),
    [
        (429, {"retry-after": "17"}, "", 17.0),
        (429, {}, "", 60.0),
        (429, {"retry-after": "soon"}, "", 60.0),
        (403, {"retry-after": "5"}, "", 5.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": RESET}, "", 90.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, "", 1.0),
        (403, {"x-ratelimit-remaining": "0"}, "", 60.0),
        (403, {}, "You have exceeded a secondary rate limit", 60.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" * 20}, "", 3700.0),
        (500, {}, "", None),
        (503, {"retry-after": "3"}, "", 3.0),
        (520, {}, "", None),
        (408, {}, "", None),
    ],
)
def test_what_passes_is_tried_again(
    status: int, headers: dict[str, str], text: str, wait: float | None
) -> None:
    found = problem(Refusal(status, headers, text), "merge", NOW)
    assert isinstance(found, ForgeUnavailable)
    assert found.retry_after == wait


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (400, "GitHub refused merge (400): because"),
        (401, "check the app's id and private key"),
        (403, "check the app's permissions"),
        (409, "GitHub refused merge (409): because"),
        (422, "GitHub refused merge (422): because"),
        (301, "GitHub refused merge (301): because"),
    ],
)
def test_what_does_not_pass_is_refused_in_githubs_words(status: int, sentence: str) -> None:
    headers = {"x-ratelimit-remaining": "4999"}
    found = problem(Refusal(status, headers, "because"), "merge", NOW)
    assert isinstance(found, ForgeRefused)
    assert found.status == status
    assert sentence in found.sentence


@pytest.mark.parametrize("status", [404, 410, 451])
async def test_missing_issue_in_a_repository_that_is_there_is_a_refusal(
    github: Any, payloads: Any, status: int
) -> None:
    github.repo("POST", "/issues/3/comments").respond(status, json={"message": "Not Found"})
    probe = github.repo("GET", "").respond(json=payloads.repository())
    with pytest.raises(ForgeRefused) as caught:
        await github.forge.post_comment(github.ref, 3, "x")
    assert caught.value.status == status
    assert probe.call_count == 1


async def test_missing_repository_is_gone(github: Any) -> None:
    github.repo("POST", "/issues/3/comments").respond(404, json={"message": "Not Found"})
    github.repo("GET", "").respond(404, json={"message": "Not Found"})
    with pytest.raises(ForgeGone, match="acme/mesh is gone"):
        await github.forge.post_comment(github.ref, 3, "x")


async def test_another_repository_of_the_same_name_is_not_ours(github: Any, payloads: Any) -> None:
    github.repo("POST", "/issues/3/comments").respond(404, json={"message": "Not Found"})
    github.repo("GET", "").respond(json=payloads.repository(id=100))
    with pytest.raises(ForgeGone, match="another one has its name"):
        await github.forge.post_comment(github.ref, 3, "x")


async def test_doubt_whether_it_is_gone_is_not_gone(github: Any) -> None:
    github.repo("POST", "/issues/3/comments").respond(404, json={"message": "Not Found"})
    github.repo("GET", "").respond(500)
    with pytest.raises(ForgeUnavailable):
        await github.forge.post_comment(github.ref, 3, "x")


@pytest.mark.parametrize(
    "error",
    [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("eh")],
)
async def test_no_answer_is_unavailable_and_counted(github: Any, error: Exception) -> None:
    github.repo("POST", "/issues/3/comments").mock(side_effect=error)
    with pytest.raises(ForgeUnavailable, match=r"github.test did not answer"):
        await github.forge.post_comment(github.ref, 3, "x")
    assert (github.calls[-1].purpose, github.calls[-1].status) == ("post comment", None)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{", "application/json"),
        (b"<html>", "text/html"),
        (b'{"id": "abc"}', "application/json"),
        (b"[]", "application/json"),
    ],
)
async def test_answer_that_cannot_be_read_is_no_answer(
    github: Any, content: bytes, kind: str
) -> None:
    route = github.repo("POST", "/issues/3/comments")
    route.respond(201, content=content, headers={"content-type": kind})
    with pytest.raises(ForgeUnavailable):
        await github.forge.post_comment(github.ref, 3, "x")


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[1]", b"\xff", b"[" * 100_000, b'{"errors": 3}', b'{"errors": [{"code": 1}]}'],
)
async def test_refusal_with_any_body_is_still_a_refusal(github: Any, body: bytes) -> None:
    github.repo("POST", "/issues").respond(422, content=body)
    with pytest.raises(ForgeRefused, match="file issue"):
        await github.forge.file_issue(github.ref, "t", "b", [])


async def test_token_that_github_repeats_is_not_told(github: Any) -> None:
    github.repo("POST", "/issues").respond(422, json={"message": "bad ghs_1", "errors": ["ghs_1"]})
    with pytest.raises(ForgeRefused) as caught:
        await github.forge.file_issue(github.ref, "t", "b", [])
    shown = [str(caught.value), repr(caught.value.__cause__), repr(caught.value.__context__)]
    assert "***" in shown[0]
    assert not any("ghs_1" in text for text in shown)


async def test_token_with_a_line_break_never_reaches_a_header(github: Any) -> None:
    expires = (github.clock.at + timedelta(hours=1)).isoformat()
    github.on("POST", "/app/installations/5/access_tokens").respond(
        201, json={"token": "ghs_x\r\nEvil: 1", "expires_at": expires}
    )
    with pytest.raises(ForgeUnavailable, match="token: String should match") as caught:
        await github.forge.git_access(github.ref)
    assert "ghs_x" not in str(caught.value) + str(caught.value.__cause__)


async def test_endless_redirect_ends(github: Any) -> None:
    here = "https://github.test/api/v3/repos/acme/mesh/issues"
    route = github.repo("POST", "/issues").respond(307, headers={"location": here})
    with pytest.raises(ForgeRefused) as caught:
        await github.forge.file_issue(github.ref, "t", "b", [])
    assert caught.value.status == 307
    assert route.call_count == 3
