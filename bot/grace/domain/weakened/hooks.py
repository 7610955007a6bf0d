"""Hooks of pytest by which a file decides what is collected, run and called a success."""

import ast
from collections.abc import Iterator
from typing import Final

from grace.domain.weakened.python_file import Unit
from grace.domain.weakening import WeakeningKind

# Whoever writes one of these leaves something out.
_LEAVES_OUT: Final = frozenset(
    {"pytest_ignore_collect", "pytest_collect_file", "pytest_pycollect_makeitem", "load_tests"}
    | {"pytest_collect_directory", "pytest_runtestloop", "pytest_runtest_protocol"}
)
_MAY_LEAVE_OUT: Final = frozenset(
    {"pytest_collection_modifyitems", "pytest_itemcollected", "pytest_collection_finish"}
    | {"pytest_configure", "pytest_runtest_setup", "pytest_generate_tests"}
)
_JUDGES: Final = frozenset(
    {"pytest_runtest_makereport", "pytest_sessionfinish", "pytest_report_teststatus"}
    | {"pytest_pyfunc_call", "pytest_runtest_call", "pytest_runtest_logreport"}
)
_HOOKS: Final = _LEAVES_OUT | _MAY_LEAVE_OUT | _JUDGES
_CUTS: Final = frozenset(
    {"skip", "skipif", "xfail", "deselect", "deselected", "pytest_deselected", "remove", "clear"}
    | {"pop", "ignore", "deselect_all", "ignore_glob", "markexpr", "keyword"}
)
_DECIDES: Final = frozenset(
    {"outcome", "exitstatus", "force_result", "force_exception", "wasxfail", "testsfailed"}
    | {"_exit", "exit", "passed"}
)


def hook_weakening(before: Unit | None, after: Unit) -> WeakeningKind | None:
    """Say what a new or changed hook may weaken; None: it is none, or does nothing of the kind."""
    name = after.name
    if name not in _HOOKS or (before is not None and before.content == after.content):
        return None
    if name in _LEAVES_OUT:
        return WeakeningKind.TEST_SKIPPED
    if name in _MAY_LEAVE_OUT and (_cuts(after) or not _CUTS.isdisjoint(_words(after))):
        return WeakeningKind.TEST_SKIPPED
    if name in _JUDGES and not _DECIDES.isdisjoint(_words(after)):
        return WeakeningKind.CHECK_RELAXED
    return None


def _cuts(unit: Unit) -> bool:
    """Tell whether a list is assigned to or deleted from in place."""
    return any(
        isinstance(n, ast.Delete)
        or (isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store | ast.Del))
        for n in ast.walk(unit.node)
    )


def _words(unit: Unit) -> Iterator[str]:
    for node in ast.walk(unit.node):
        match node:
            case ast.Attribute(attr=word) | ast.Constant(value=str() as word) | ast.Name(id=word):
                yield word
            case _:
                pass
