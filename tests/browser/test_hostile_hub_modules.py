"""Records that were tampered with so that a browser reads another value than what was signed."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from grace.adapters.keys import Ed25519Key
from grace.domain import ledger
from grace.domain.ledger import Head
from grace.domain.signing import encode64
from grace.web import pages
from support.reports import START

MODULES = Path(pages.__file__).with_name("static")
ASK = Path(__file__).with_name("ask_modules.mjs")
KEY = Ed25519Key(bytes([1] * 32))
PAYLOAD = {"value": None, "actor": "ann", "big": 1e16, "list": [1]}


def faults(*lines: str) -> list[str | None]:
    """Ask the page's own verifier what is wrong with each record, by itself."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("these tests need node")
    keys = [{"key_id": KEY.key_id, "public_key": encode64(KEY.public)}]
    ran = subprocess.run(
        [node, str(ASK), str(MODULES)],
        input=json.dumps({"keys": keys, "logs": [[line] for line in lines]}),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [said["fault"] for (said,) in json.loads(ran.stdout)["logs"]]


def test_no_payload_passes_for_another() -> None:
    drafted = ledger.draft("mission.held", "grace", PAYLOAD, mission="mission_20261122_001")
    line = ledger.append(Head.empty("forge.test/1"), drafted, bytes(16), START, KEY).line.decode()
    tampered = [
        ('"value":null', '"value":1e400'),
        ('"value":null', '"value":-1e400'),
        ('"value":null', '"value":[null]'),
        ('"value":null', '"value":null,"toJSON":null'),
        ('"value":null', '"value":null,"__proto__":{"value":1}'),
        ('"value":null', '"value":null,"value":"x"'),
        ('"actor":"ann"', '"actor":"ann\\u200b"'),
        ('"actor":"ann"', '"actor":"\\ud800ann"'),
        ('"actor":"ann"', '"actor":"a\\u0301nn"'),
        ('"list":[1]', '"list":{"0":1,"length":1}'),
        ('"list":[1]', '"list":[1,null]'),
        ('"list":[1]', '"list":"1"'),
        ('"list":[1]', '"list":[true]'),
    ]
    assert all(before in line for before, _ in tampered)
    found = faults(line, *(line.replace(before, after) for before, after in tampered))
    assert found == [None] + ["payload_changed"] * len(tampered)
