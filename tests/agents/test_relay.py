"""The relay: the key stays outside, tokens are counted, and the money has an end."""

import threading

import httpx
import pytest

from grace.agents.judge import AgentError
from grace.agents.relay import Relay, Upstream
from support.fake_model import KEY, FakeModel

PATHS = {
    "/v1/messages": {"model": "m", "messages": []},
    "/v1/chat/completions": {"model": "m", "messages": []},
    "/v1/responses": {"model": "m", "input": "x"},
}


@pytest.fixture
def model():
    with FakeModel("true").serving() as serving:
        yield serving


def relay_to(model, tmp_path, **more):
    prices = {"price_in": 10.0, "price_out": 100.0, "money_usd": 1.0} | more
    url = prices.pop("url", model.url)
    return Relay(Upstream(url, KEY, **prices), tmp_path / "model.sock")


def client(relay):
    return httpx.Client(
        transport=httpx.HTTPTransport(uds=str(relay.socket)), base_url="http://model", timeout=20
    )


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("path", PATHS)
def test_the_key_is_added_and_tokens_are_counted(model, tmp_path, path, streamed):
    relay = relay_to(model, tmp_path)
    headers = {"Authorization": "Bearer none", "x-api-key": "none", "Cookie": "c", "X-Other": "o"}
    with relay.serving(), client(relay) as asking:
        answer = asking.post(path, json={**PATHS[path], "stream": streamed}, headers=headers)
    assert answer.status_code == 200
    assert ("event-stream" in answer.headers["content-type"]) is streamed
    assert "set-cookie" not in answer.headers
    seen = model.asked[0].headers
    own = {"x-api-key": KEY} if path == "/v1/messages" else {"Authorization": f"Bearer {KEY}"}
    told = {
        k: v for k, v in seen.items() if k in {"Authorization", "x-api-key", "Cookie", "X-Other"}
    }
    assert told == own
    usage = relay.usage()
    assert (usage.tokens_in, usage.tokens_out, usage.measured) == (1000, 100, True)
    assert usage.money_usd == pytest.approx((1000 * 10 + 100 * 100) / 1e6)
    assert usage.model == "m"


def test_a_stream_is_asked_to_end_with_figures(model, tmp_path):
    relay = relay_to(model, tmp_path)
    with relay.serving(), client(relay) as asking:
        asking.post("/v1/chat/completions", json={"stream": True, "messages": []})
        asking.post("/v1/chat/completions", json={"messages": []})
    assert model.asked[0].body["stream_options"] == {"include_usage": True}
    assert "stream_options" not in model.asked[1].body


def test_the_money_ends_in_the_middle_of_a_run(model, tmp_path):
    relay = relay_to(model, tmp_path, money_usd=0.05)
    with relay.serving(), client(relay) as asking:
        statuses = [asking.post("/v1/messages", json={}).status_code for _ in range(4)]
        last = asking.post("/v1/messages", json={})
    assert statuses == [200, 200, 200, 403]
    assert last.json()["error"]["message"] == (
        "The money of this run is used up: 0.06 of 0.05 US dollars."
    )
    assert relay.refused == last.json()["error"]["message"]
    assert len(model.asked) == 3
    assert relay.usage().money_usd == pytest.approx(0.06)


def test_a_model_with_a_price_is_not_asked_without_money(model, tmp_path):
    relay = relay_to(model, tmp_path, money_usd=0.0)
    with relay.serving(), client(relay) as asking:
        assert asking.post("/v1/messages", json={}).status_code == 403
    assert model.asked == []
    assert "give it money_usd" in (relay.refused or "")


def test_a_model_without_a_price_is_asked_and_its_money_is_not_measured(model, tmp_path):
    relay = relay_to(model, tmp_path, price_in=0.0, price_out=0.0, money_usd=0.0)
    with relay.serving(), client(relay) as asking:
        assert asking.post("/v1/messages", json={}).status_code == 200
    assert (relay.usage().tokens_in, relay.usage().measured) == (1000, False)


@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_without_figures_is_estimated_never_free(model, tmp_path, streamed):
    model.figures = False
    relay = relay_to(model, tmp_path)
    with relay.serving(), client(relay) as asking:
        asking.post("/v1/chat/completions", json={"stream": streamed, "messages": ["x" * 300]})
    usage = relay.usage()
    assert usage.tokens_in > 100
    assert usage.tokens_out > 50
    assert usage.money_usd > 0
    assert not usage.measured


@pytest.mark.parametrize(
    "path",
    ["/v1/files", "/", "/v1/messages/../../admin", "/v1/chat/completions/x", "//evil.example"],
)
def test_nothing_else_is_passed_on(model, tmp_path, path):
    relay = relay_to(model, tmp_path)
    with relay.serving(), client(relay) as asking:
        assert asking.post(path, json={}).status_code == 404
        assert asking.request("DELETE", "/v1/messages").status_code == 404
        evil = {"Host": "evil.example"}
        assert asking.get("/v1/models", headers=evil).status_code == 200
    assert [asked.path for asked in model.asked] == ["/v1/models"]
    assert model.asked[0].headers["Host"] == model.url.removeprefix("http://")


def test_a_redirect_takes_the_key_nowhere(model, tmp_path):
    model.status, model.location = 302, "http://evil.example/"
    relay = relay_to(model, tmp_path)
    with relay.serving(), client(relay) as asking:
        answer = asking.post("/v1/messages", json={})
    assert answer.status_code == 502
    assert "correct model_url" in answer.text
    assert len(model.asked) == 1


def test_an_error_of_the_model_is_passed_back_and_costs_nothing(model, tmp_path):
    model.status = 529
    relay = relay_to(model, tmp_path, url=f"{model.url}/v1/")
    with relay.serving(), client(relay) as asking:
        assert asking.post("/v1/messages", json={}).status_code == 529
    assert relay.usage().money_usd == 0
    assert model.asked[0].path == "/v1/messages"


def test_a_model_that_is_not_there_is_told_without_the_key(tmp_path):
    relay = Relay(Upstream("http://127.0.0.1:1", KEY), tmp_path / "model.sock")
    with relay.serving(), client(relay) as asking:
        answer = asking.post("/v1/messages", json={})
    assert answer.status_code == 502
    assert KEY not in answer.text
    assert KEY not in repr(Upstream("u", KEY))


def test_nothing_is_left_when_it_stops(model, tmp_path):
    relay = relay_to(model, tmp_path)
    with relay.serving():
        assert relay.socket.exists()
    assert not relay.socket.exists()
    assert "relay" not in {thread.name for thread in threading.enumerate()}


def test_a_place_where_it_cannot_listen_is_told(model, tmp_path):
    relay = Relay(Upstream(model.url, KEY), tmp_path / "no" / "model.sock")
    with pytest.raises(AgentError, match=r"cannot listen: .*No such file"), relay.serving():
        pass
