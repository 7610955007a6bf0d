"""The `grace` command."""

import sys
from pathlib import Path


def main() -> None:
    """Run the command; nothing is imported from the folder it is run in.

    `grace ci` starts once in every CI job, so it loads nothing of the bot.
    """
    here = str(Path.cwd())
    sys.path[:] = [entry for entry in sys.path if entry not in {"", here}]
    if sys.argv[1:2] == ["ci"]:
        from grace.ci.cli import app as ci  # noqa: PLC0415 - see above

        ci(sys.argv[2:], prog_name="grace ci")
    else:
        from grace.cli.main import app  # noqa: PLC0415 - see above

        app()
