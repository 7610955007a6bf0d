"""One file of Python, read by all rules.

Values are followed through the statements of a function in their order, and into functions of the
same file that it calls, a few deep. What is kept in objects or in other files is not followed.
"""

import ast
import warnings
from dataclasses import dataclass
from typing import Final

from grace.ci.rules import following
from grace.ci.rules.names import names_of
from grace.ci.rules.places import Place, TooMuch
from grace.ci.rules.statements import run

MAX_BYTES: Final = 2_000_000


class Unread(Exception):
    """A file that the rules cannot follow; the text says why."""


class NotPython(Unread):
    """A file that is no Python of this version, to any reader."""


@dataclass(frozen=True, slots=True, order=True)
class Hit:
    """What a rule found at a line, counted from 1.

    `local`: only who runs the program could do harm with it, or somebody who can write to it.
    """

    line: int
    rule: str
    said: str
    local: bool = False


def hits(data: bytes) -> tuple[Hit, ...]:
    """Return what the rules find in a file, one finding a rule and line; raises `Unread`."""
    if len(data) > MAX_BYTES:
        raise Unread(f"it has more than {MAX_BYTES} bytes")
    found: dict[tuple[int, str], Hit] = {}

    def told(rule: str, node: ast.AST, said: str, *, local: bool = False) -> None:
        line = getattr(node, "lineno", 1)
        known = found.get((line, rule))
        if known is None or (known.local and not local):
            found[line, rule] = Hit(line, rule, said, local)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(data)
        place = Place(names_of(tree), told, following.AllRules())
        place.module = place.env
        place.functions = following.functions_of(tree)
        run(place, tree.body)
    except (SyntaxError, ValueError) as error:
        raise NotPython(f"it is not Python: {error}") from error
    except (RecursionError, MemoryError, TooMuch) as error:
        raise Unread("it is nested deeper, or longer, than can be followed") from error
    return tuple(sorted(found.values()))
