"""What notifications say, and what strangers' words cannot do in them."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.domain.narration import Tone
from grace.domain.notifying.news import News, Notice, Pile
from grace.domain.notifying.words import (
    detail_of,
    drafts,
    link_of,
    plain,
    subject_of,
    title_of,
    tone_of,
)
from grace.domain.phase import Severity

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CLOSED = News(
    position=1,
    log="forge.test/1",
    seq=1,
    time="",
    kind="mission.closed",
    actor="grace",
    mission="mission_20261122_001",
    title="The mesh is slow",
    severity=Severity.HIGH,
    subsystem="mesh",
    repository="acme/mesh",
    issue=4,
    payload={"outcome": "fixed", "reason": "every target held"},
)
SWITCH = News(
    position=2,
    log="bot",
    seq=1,
    time="",
    kind="brake.on",
    actor="octo",
    payload={"kind": "operator", "reason": "lunch"},
)


def test_a_missions_end_is_told_with_its_outcome_and_reason():
    assert title_of(CLOSED) == (
        "mission_20261122_001 (mesh, high): mission closed: fixed (every target held)"
    )
    assert detail_of(CLOSED) == "The mesh is slow"
    assert tone_of(CLOSED) is Tone.GOOD
    assert subject_of(CLOSED) == "mission_20261122_001"


def test_what_is_of_no_mission_is_told_of_its_log():
    assert title_of(SWITCH).startswith("bot: ")
    assert "lunch" in title_of(SWITCH)
    assert detail_of(SWITCH) == "by octo"
    assert subject_of(SWITCH) == "bot brake.on"
    assert title_of(replace(SWITCH, repository="acme/mesh")).startswith("acme/mesh: ")


def test_what_was_redacted_is_still_told_of():
    assert "redacted" in title_of(replace(CLOSED, payload=None))


def test_links_lead_to_the_page_or_else_to_the_issue():
    forge = "https://forge.test/"
    page = "https://grace.example.org/"
    assert link_of(CLOSED, None, forge) == "https://forge.test/acme/mesh/issues/4"
    assert link_of(CLOSED, page, forge) == (
        "https://grace.example.org/missions/mission_20261122_001"
    )
    assert link_of(SWITCH, page, forge) == page
    assert link_of(SWITCH, None, forge) == ""
    assert link_of(replace(CLOSED, repository=None), None, forge) == ""


@pytest.mark.parametrize(
    "words",
    [
        "<!channel>",
        "<@U0123>",
        "<https://evil.example|your bank>",
        "@everyone",
        "@here now",
        "[click](https://evil.example)",
        "&lt;!channel&gt;",
        "`code`",
        "*bold* ~gone~ __loud__ _soft_",
        "a|b",
        "line\r\nBcc: everybody@example.org",
        "\x1b]8;;https://evil.example\x07",
        "<b>html</b>",
    ],
)
def test_a_strangers_words_mark_up_and_mention_nothing(words):
    said = plain(words, 200)
    assert not set("<>[]`*~|\\\r\n\x1b\x07") & set(said)
    assert "://" not in said
    assert not any(sign == "@" and following.isalnum() for sign, following in pairwise(said))
    assert "&lt;" not in said
    assert not said.startswith("_")
    assert "__" not in said


@given(st.text(max_size=300))
def test_any_text_becomes_one_plain_line(text):
    said = plain(text, 100)
    assert not set("<>[]`*~|\\\r\n\t") & set(said)
    assert said == said.strip()


def test_names_stay_as_they_are():
    assert plain("trigger_mesh.latency_p95 of mission_20261122_001", 100) == (
        "trigger_mesh.latency_p95 of mission_20261122_001"
    )


def notice(subject="m1", title="happened", **fields):
    given = {
        "route": "team",
        "channel": "ops",
        "position": 1,
        "tone": Tone.PLAIN,
        "detail": "",
        "link": "",
        "due_at": NOON,
    }
    return Notice(subject=subject, title=title, **{**given, **fields})


def pile(*newest, count=None):
    return Pile(
        channel="ops",
        route="team",
        count=len(newest) if count is None else count,
        subjects=len({n.subject for n in newest}),
        last=1,
        newest=newest,
    )


def test_one_thing_is_told_in_full():
    (draft,) = drafts(pile(notice(detail="why", link="https://x.test/", tone=Tone.BAD)), apart=True)
    assert (draft.title, draft.body, draft.tone) == ("happened", "why\nhttps://x.test/", Tone.BAD)


def test_a_body_is_never_empty():
    (draft,) = drafts(pile(notice()), apart=True)
    assert draft.body == "happened"


def test_what_is_of_one_mission_comes_together_and_missions_apart():
    first, second = drafts(
        pile(
            notice(title="closed", tone=Tone.GOOD),
            notice("m2", title="held", tone=Tone.WAIT),
            notice(title="reverted", tone=Tone.BAD),
        ),
        apart=True,
    )
    assert (first.title, first.body) == ("closed", "before that:\n- reverted")
    assert first.tone is Tone.BAD
    assert (second.title, second.body, second.tone) == ("held", "held", Tone.WAIT)


def test_much_of_one_mission_is_cut():
    (draft,) = drafts(pile(*(notice(title=f"n{i}") for i in range(30))), apart=True)
    assert draft.body.count("\n") == 21
    assert draft.body.endswith("and 9 more")


def test_many_missions_are_one_message_that_names_each_once():
    said = [notice(f"m{i}", title=f"m{i} held", link="https://x.test/") for i in range(30)]
    (draft,) = drafts(pile(*said, notice("m0", title="m0 began")), apart=True)
    assert draft.title == "team: 31 events about 30 subjects"
    lines = draft.body.splitlines()
    assert lines[0] == "- m0 held (and 1 before it) https://x.test/"
    assert (len(lines), lines[-1]) == (21, "and 10 more")


def test_a_digest_is_one_message_even_of_one_thing():
    (draft,) = drafts(pile(notice()), apart=False)
    assert (draft.title, draft.body) == ("team: 1 event about 1 subject", "- happened")


def test_what_is_more_than_was_read_is_told_as_a_number():
    (draft,) = drafts(pile(notice(), count=10_000), apart=True)
    assert draft.title == "team: 10000 events about 1 subject"
