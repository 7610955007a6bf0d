"""The body of an outgoing webhook, by the recommendation of Standard Webhooks."""

import json


def body(line: bytes, position: int, log: str, seq: int, time: str) -> bytes:
    """Write an entry of the feed: what it is about, and its stored line, byte for byte."""
    envelope = json.loads(json.loads(line)["envelope"])
    data = {
        "position": position,
        "log": log,
        "seq": seq,
        "mission": envelope["mission"],
        "kind": envelope["kind"],
    }
    head = {"type": envelope["kind"], "timestamp": time, "data": data}
    text = json.dumps(head, separators=(",", ":")).encode()
    return text[:-2] + b',"entry":' + line + b"}}"
