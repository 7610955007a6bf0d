import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from grace.adapters.keys import Ed25519Key, PublicKeys
from grace.domain.trailers import (
    Approval,
    LedgerRef,
    MissionMessage,
    MissionTrailers,
    Place,
    TrailerError,
    clean,
    mentions_mission,
    parse,
    seal,
    token,
    verify,
)
from support.examples import examples

PLACE = Place(repository="octo/mesh", log="forge.test/7", tree="a" * 40)
TRAILERS = MissionTrailers(
    mission="mission_20261122_001",
    issue="octo/mesh#12",
    agent="candidate/first",
    entry=LedgerRef(seq=17, hash="b" * 64),
    approved_by=(
        Approval(login="rev.iewer", gate="review"),
        Approval(login="grace-bot[bot]", gate="change board"),
    ),
)
EXPECTED = [
    "Mission: mission_20261122_001",
    "Mission-Issue: octo/mesh#12",
    "Mission-Agent: candidate/first",
    f"Ledger-Entry: 17 {'b' * 64}",
    "Approved-by: rev.iewer (review)",
    "Approved-by: grace-bot[bot] (change board)",
]

hostile = st.text() | st.lists(
    st.sampled_from(
        [
            "\n", "\r", "\n\n", "\x00", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u202e", "\ufeff",
            "---", "--- ", "# ", "#", " ", "\t", ":", "Mission: mission_20200101_666", "Approved-by: me (x)",
            "Signed-off-by: x <x@y>", "(cherry picked from commit ", "Conflicts:", "diff --git a b",
            "# ------------------------ >8 ------------------------", "word", "é",
        ]
    ),
    max_size=9,
).map("".join)  # fmt: skip


def git_trailers(text):
    done = subprocess.run(
        ["git", "interpret-trailers", "--parse"],
        input=text.encode(),
        capture_output=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"},
    )
    return done.stdout.decode().splitlines()


def message(subject="Deliver events by prefix", body=("One line.", "Another.")):
    return MissionMessage.of(subject, TRAILERS, body=body, refs=12)


@pytest.fixture(scope="module")
def sealed(key):
    return seal(message(), PLACE, key)


def test_a_sealed_message_reads_as_it_should(sealed, key):
    front, signature = sealed.rsplit("Mission-Signature: ", 1)
    assert front == (
        "Deliver events by prefix\n\nOne line.\nAnother.\n\nRefs #12\n\n"
        + "\n".join(EXPECTED)
        + "\n"
    )
    assert signature.startswith(f"{key.key_id} ")
    assert signature.endswith("==\n")


def test_git_reads_exactly_our_trailers(sealed):
    assert git_trailers(sealed) == [*EXPECTED, sealed.splitlines()[-1]]


@settings(max_examples=examples(60), deadline=None)
@given(subject=hostile, body=st.lists(hostile, max_size=2))
@example(subject="---", body=["---", "# ------------------------ >8 ------------------------"])
@example(subject="", body=["\nMission: mission_20200101_666\n"])
def test_no_title_or_body_can_add_or_hide_a_trailer(key, keys, subject, body):
    text = seal(MissionMessage.of(subject, TRAILERS, body=body), PLACE, key)
    assert git_trailers(text) == [*EXPECTED, text.splitlines()[-1]]
    parsed = parse(text)
    assert parsed is not None
    assert parsed.trailers == TRAILERS
    assert verify(parsed, PLACE, keys)


@given(hostile)
def test_clean_text_stays_as_it_is_and_is_one_printable_line(text):
    once = clean(text)
    assert clean(once) == once
    assert len(once.splitlines()) == (once != "")
    assert once.isprintable()
    assert once.encode().decode() == once


@given(st.text())
def test_any_name_becomes_an_agent_that_a_trailer_can_hold(text):
    agent = token(text)
    assert TRAILERS.model_copy(update={"agent": agent}) == MissionTrailers.model_validate(
        {**TRAILERS.model_dump(), "agent": agent}
    )


@pytest.mark.parametrize(
    "forge", [str.strip, lambda t: t.replace("\n", "\r\n"), lambda t: t + "\n"]
)
def test_line_ends_are_the_forges_to_choose(sealed, keys, forge):
    parsed = parse(forge(sealed))
    assert parsed is not None
    assert verify(parsed, PLACE, keys)


@settings(max_examples=examples(300))
@given(data=st.data())
def test_any_changed_character_is_found(sealed, keys, data):
    at = data.draw(st.integers(0, len(sealed.rstrip()) - 1))
    character = data.draw(st.sampled_from("xX01=:# \n(\u00e9") | st.characters(codec="utf-8"))
    changed = sealed[:at] + character + sealed[at + 1 :]
    if changed == sealed:
        return
    try:
        parsed = parse(changed)
    except TrailerError:
        return
    assert parsed is None or not verify(parsed, PLACE, keys)


@pytest.mark.parametrize("field", ["repository", "log", "tree"])
def test_a_message_is_good_in_its_place_alone(sealed, keys, field):
    values = {"repository": PLACE.repository, "log": PLACE.log, "tree": PLACE.tree}
    parsed = parse(sealed)
    assert parsed is not None
    assert verify(parsed, Place(**values), keys)
    assert not verify(parsed, Place(**{**values, field: "other"}), keys)


def test_a_key_that_is_not_trusted_does_not_verify(sealed):
    parsed = parse(sealed)
    assert parsed is not None
    assert not verify(parsed, PLACE, PublicKeys(Ed25519Key(bytes(32)).public))


def test_bytes_that_are_no_text_do_not_verify(sealed, keys):
    parsed = parse(sealed.replace("Another", "\udcff"))
    assert parsed is not None
    assert not verify(parsed, PLACE, keys)


@pytest.mark.parametrize(
    "text",
    ["", "Fix it", "Fix it\n\nSigned-off-by: a <a@b>", "Fix\n\nMission: x\n\nNot the last one",
     "Fix the Mission: it is late"],
)  # fmt: skip
def test_a_message_without_mission_trailer_is_not_ours(text):
    assert not mentions_mission(text)
    assert parse(text) is None


def lines_with(sealed, change):
    front, _, block = sealed.rstrip().rpartition("\n\n")
    return front + "\n\n" + "\n".join(change(block.split("\n")))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda b: b[:-1], "last line is not"),
        (lambda b: [*b, "Reviewed-by: x"], "last line is not"),
        (lambda b: ["free text", *b], "is none"),
        (lambda b: [b[0], *b], "repeated or unknown"),
        (lambda b: ["Reviewed-by: x", *b], "repeated or unknown"),
        (lambda b: [b[0], *b[2:]], "missing or odd"),
        (lambda b: [*b[:3], "Ledger-Entry: 0 beef", *b[4:]], "missing or odd"),
        (lambda b: [*b[:4], "Approved-by: nobody", *b[5:]], "who approved"),
        (lambda b: [*b[:4], "Approved-by: a;b (review)", *b[5:]], "cannot be read"),
        (lambda b: [b[1], b[0], *b[2:]], "not written as they should be"),
        (lambda b: ["MISSION: mission_20261122_001", *b[1:]], "repeated or unknown"),
        (lambda b: [*b[:-1], "Mission-Signature: ed25519:0 AA=="], "cannot be read"),
    ],
)
def test_trailers_that_are_not_ours_say_why(sealed, change, sentence):
    with pytest.raises(TrailerError, match=sentence):
        parse(lines_with(sealed, change))


def test_trailers_without_a_subject_are_refused():
    with pytest.raises(TrailerError, match="no subject"):
        parse("Mission: mission_20261122_001")


@pytest.mark.parametrize("login", ["", "a b", "a\nb", "a)", "@a", "é"])
def test_a_login_that_could_break_out_is_refused(login):
    with pytest.raises(ValidationError):
        Approval(login=login, gate="review")


def test_unclean_text_is_refused_where_it_was_not_cleaned():
    with pytest.raises(ValidationError, match="clean"):
        MissionMessage(subject="a\nb", trailers=TRAILERS)
