"""Where somebody goes after signing in: a path of ours, and nothing else."""

import re
from typing import Final

_PATH: Final = re.compile(r"/(?!/)[!-~]*")
_LONGEST: Final = 2000
_LOOPS: Final = ("/sign-in", "/sign-out")


def onward_path(wanted: str) -> str:
    """Return a path that leads to us wherever a browser reads it; `/` in place of any other.

    Visible ASCII that begins with one slash; no backslash, which browsers read as one, and no two
    slashes in a row before the query.
    """
    path = wanted.partition("?")[0].partition("#")[0]
    good = (
        len(wanted) <= _LONGEST
        and _PATH.fullmatch(wanted) is not None
        and "\\" not in wanted
        and "//" not in path
        and not path.startswith(_LOOPS)
    )
    return wanted if good else "/"
