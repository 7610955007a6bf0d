"""The `grace` command."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Final

# What starts often, or where nothing of the bot is wanted, loads its own module and no other.
ALONE: Final = {
    "audit": "grace.cli.audit",
    "ci": "grace.ci.cli",
    "serve": "grace.cli.serving",
}


def main() -> None:
    """Run the command; nothing is imported from the folder it is run in."""
    here = str(Path.cwd())
    sys.path[:] = [entry for entry in sys.path if entry not in {"", here}]
    name = next(iter(sys.argv[1:2]), "")
    if name in ALONE:
        import_module(ALONE[name]).app(sys.argv[2:], prog_name=f"grace {name}")
    else:
        import_module("grace.cli.main").app()
