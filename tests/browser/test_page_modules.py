"""The modules that verify, against what the bot signs: in node, without a browser."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from grace.adapters.keys import Ed25519Key
from grace.domain import ledger
from grace.domain.ledger import Entry, Head
from grace.domain.signing import canonical, encode64, parse_json
from grace.web import pages
from support.reports import START

MODULES = Path(pages.__file__).with_name("static")
ASK = Path(__file__).with_name("ask_modules.mjs")
KEY, OTHER = (Ed25519Key(bytes([n] * 32)) for n in (1, 2))
PAYLOADS: tuple[dict[str, Any], ...] = (
    {},
    {"words": 'é \u2028 \u0007 "quoted" \\ 𝄞 </script>', "\U0001f600": 1, "\ufb33": 2, "é": 3},
    {"numbers": [0, -1, 1.5, 1e-7, 1e21, 123456789012.5, 2**53 - 1, 5e-324, 0.1]},
    {"deep": [[[{"b": None, "a": [True, False, {}]}]]], "__proto__": {"x": 1}, "10": 1, "9": 2},
)


def ask(**questions: object) -> dict[str, Any]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("these tests need node")
    ran = subprocess.run(
        [node, str(ASK), str(MODULES)],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(ran.stdout)


def published(*keys: Ed25519Key) -> list[dict[str, str]]:
    return [{"key_id": key.key_id, "public_key": encode64(key.public)} for key in keys]


def a_log(key: Ed25519Key = KEY) -> list[Entry]:
    entries: list[Entry] = []
    head = Head.empty("forge.test/1")
    for number, payload in enumerate(PAYLOADS):
        drafted = ledger.draft("mission.held", "grace", payload, mission="mission_20261122_001")
        entries.append(ledger.append(head, drafted, bytes([number] * 16), START, key))
        head = entries[-1].head
    return entries


def lines(entries: list[Entry]) -> list[str]:
    return [entry.line.decode() for entry in entries]


def changed(line: str, **changes: object) -> str:
    return json.dumps({**json.loads(line), **changes})


def test_what_the_bot_signed_verifies_with_the_same_hashes():
    entries = a_log()
    said = ask(keys=published(KEY), logs=[lines(entries)])["logs"][0]
    assert said == [{"fault": None, "hash": entry.hash} for entry in entries]


def test_a_redacted_entry_keeps_its_place():
    entries = a_log()
    entries[1] = entries[1].redacted()
    said = ask(keys=published(KEY), logs=[lines(entries)])["logs"][0]
    assert [each["fault"] for each in said] == [None] * 4


def test_every_change_of_an_entry_is_found():
    first, second = lines(a_log())[:2]
    envelope = json.loads(second)["envelope"]
    cases = {
        "payload_changed": [
            changed(second, payload={"words": "another"}),
            changed(second, salt="00" * 16),
            changed(second, salt=None),
            changed(second, payload=None),
        ],
        "bad_signature": [
            changed(second, envelope=envelope.replace('"grace"', '"mallory"')),
            changed(second, envelope=envelope.replace('"seq":2', '"seq":3')),
            changed(second, envelope=envelope + " "),
            changed(second, signature=json.loads(first)["signature"]),
            changed(second, signature=encode64(bytes(64))),
        ],
        "malformed": [
            changed(second, envelope="{"),
            changed(second, envelope=None),
            changed(second, envelope="7"),
            changed(second, envelope="null"),
            changed(second, signature="!"),
            "null",
            "7",
            "[]",
            "{}",
        ],
        "unknown_key": lines(a_log(OTHER))[1:2],
    }
    logs = [[first, line] for tried in cases.values() for line in tried]
    said = ask(keys=published(KEY), logs=logs)["logs"]
    assert [each[0]["fault"] for each in said] == [None] * len(logs)
    wanted = [fault for fault, tried in cases.items() for _ in tried]
    assert [each[1]["fault"] for each in said] == wanted


def test_entries_that_do_not_follow_each_other_are_found():
    one, two, three, _ = lines(a_log())
    fork = ledger.append(
        a_log()[0].head, ledger.draft("mission.held", "grace", {"n": 1}), bytes(16), START, KEY
    )
    after_fork = ledger.append(
        fork.head, ledger.draft("mission.held", "grace", {"n": 2}), bytes(16), START, KEY
    )
    logs = [
        [one, fork.line.decode(), three],
        [one, two, fork.line.decode()],
        [one, two, after_fork.line.decode()],
        [one, three],
        [two, three, two],
    ]
    said = ask(keys=published(KEY), logs=logs)["logs"]
    assert [[each["fault"] for each in log] for log in said] == [
        [None, None, "broken_chain"],
        [None, None, "broken_chain"],
        [None, None, "broken_chain"],
        [None, None],
        [None, None, None],
    ]


def test_a_key_under_anothers_name_is_no_key():
    lying = {"key_id": KEY.key_id, "public_key": encode64(OTHER.public)}
    assert ask(keys=[lying, *published(OTHER)])["keys"] == [OTHER.key_id]


def test_values_are_written_as_the_bot_writes_them():
    values: list[Any] = [*PAYLOADS, "", [], 1e300, -5e-7, 1e16, 4.35, 100.0, "\u007f\x00", [None]]
    texts = [rfc8785.dumps(value).decode() for value in values]
    said = ask(values=[json.dumps(value) for value in values])["canonical"]
    assert said == texts
    assert [canonical(parse_json(text.encode())).decode() for text in said] == texts


def test_axes_and_times_are_told_in_round_figures():
    said = ask(
        ticks=[[0, 100], [0, 0.35], [-5, 5]],
        relative=[[0, 3_000], [0, 100_000], [7_200_000, 0], [0, 86_400_000 * 30]],
    )
    assert said["ticks"] == [[0, 50, 100], [0, 0.1, 0.2, 0.3], [-5, 0, 5]]
    assert said["relative"] == ["just now", "2 minutes ago", "in 2 hours", None]
