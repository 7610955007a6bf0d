# ruff: noqa: INP001, T201 - a script of a composite action; what it prints is the step's log
"""Read a SARIF file and say what code scanning would show of it."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path


def main(env: Mapping[str, str]) -> int:
    """Say how many results each tool has, and refuse what is no SARIF 2.1.0."""
    try:
        log = json.loads((Path(env["GITHUB_WORKSPACE"]) / env["FILE"]).read_bytes())
        if log["version"] != "2.1.0":
            print(f"::error::SARIF {log['version']} is not read")
            return 1
        counts = [(run["tool"]["driver"]["name"], len(run["results"])) for run in log["runs"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"::error::{env['FILE']} is no SARIF file: {error}")
        return 1
    for tool, count in counts:
        print(f"{tool}: {count} results about {env['SHA']} at {env['REF']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
