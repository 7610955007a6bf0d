"""A stand-in for `systemctl` where no systemd runs: units are lines of a JSON file.

It takes exactly the words that the real one takes here, and refuses all others.
"""

import json
import sys
from pathlib import Path


def main(state_file, words):
    state = json.loads(Path(state_file).read_text())
    scope, verb, *rest = words
    assert scope == "--system"
    names = rest[rest.index("--") + 1 :]
    state["said"].append(" ".join([verb, *names]))
    if verb == "show":
        assert rest[0] == "--property=Id,LoadState,ActiveState,MainPID,InvocationID"
        sys.stdout.write("\n\n".join(shown(state["units"], name) for name in names))
    for name in names if verb != "show" else ():
        unit = state["units"][name]
        unit["runs"] = verb != "stop"
        if verb == "restart" or (verb == "start" and not unit["invocation"]):
            unit["invocation"] += 1
    Path(state_file).write_text(json.dumps(state))


def shown(units, name):
    unit = units.get(name)
    template = name.partition("@")[0] + "@.service"
    loaded = "loaded" if unit is not None or template in units else "not-found"
    unit = unit or {"runs": False, "invocation": 0, "pid": 0}
    return "\n".join(
        [
            f"Id={name}",
            f"LoadState={loaded}",
            f"ActiveState={'active' if unit['runs'] else 'inactive'}",
            f"MainPID={unit['pid'] if unit['runs'] else 0}",
            f"InvocationID={unit['invocation'] or ''}",
        ]
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
