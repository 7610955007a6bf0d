from datetime import UTC, datetime

import pytest

from grace.ci import post
from grace.ci.errors import ContextMissing, ReportRefused
from grace.domain.results import CIReport

SHA = "a" * 40
REPORT = CIReport(
    repository="acme/mesh",
    workflow=".github/workflows/ci.yml",
    run_id=1,
    run_attempt=1,
    head_sha=SHA,
    base_sha=SHA,
    tree=SHA,
    at=datetime(2026, 1, 1, tzinfo=UTC),
)
QUICK = post.Patience(attempts=4, first_wait_s=0.01, longest_wait_s=0.02)


def env(url: str) -> dict[str, str]:
    return {
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{url}/token?x=1",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "ask",
    }


def send(url: str, **more: str) -> None:
    post.send(REPORT, f"{url}/ci/results", audience="g&h", env={**env(url), **more}, patience=QUICK)


def answering(*statuses: int):
    rest = list(statuses)

    def answer(web, path, body):
        if path.startswith("/token"):
            return 200, b'{"value": "jwt"}'
        return (rest.pop(0) if rest else 202), b"because"

    return answer


def test_a_report_is_posted_with_the_token_for_the_audience(serve):
    web = serve(answering())
    send(web.url)
    (asked, posted) = web.seen
    assert asked[:3] == ("GET", "/token?x=1&audience=g%26h", "bearer ask")
    assert posted[:3] == ("POST", "/ci/results", "Bearer jwt")
    assert CIReport.model_validate_json(posted[3]) == REPORT


def test_server_errors_are_tried_again(serve):
    web = serve(answering(503, 500, 429))
    send(web.url)
    assert [path for _, path, _, _ in web.seen].count("/ci/results") == 4


def test_trying_again_has_an_end(serve):
    web = serve(answering(*[503] * 10))
    with pytest.raises(ReportRefused, match="answered 503: because"):
        send(web.url)
    assert [path for _, path, _, _ in web.seen].count("/ci/results") == 4


def test_a_refusal_is_told_at_once_with_its_body(serve):
    web = serve(answering(403, 202))
    with pytest.raises(ReportRefused, match="answered 403: because") as refused:
        send(web.url)
    assert refused.value.status == 403
    assert len(web.seen) == 2


def test_a_token_service_without_a_token_is_an_error(serve):
    web = serve(lambda web, path, body: (200, b"{}"))
    with pytest.raises(ContextMissing, match="without a token"):
        send(web.url)


def test_a_job_that_may_not_ask_for_a_token_is_told_what_to_do(serve):
    with pytest.raises(ContextMissing, match="id-token: write"):
        send("http://127.0.0.1:1", ACTIONS_ID_TOKEN_REQUEST_URL="")


def test_a_bot_that_is_not_there_is_an_error():
    with pytest.raises(ContextMissing, match="cannot be reached"):
        send("http://127.0.0.1:1")
