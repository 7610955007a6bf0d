"""Which distribution brings a module: known facts only, never a name that looks alike.

A name that is guessed is a name that a stranger may have registered.
"""

from importlib.resources import files
from pathlib import Path

from packaging.utils import canonicalize_name

from grace.runner.action import ActionFailed, Situation
from grace.runner.actions.service_command import Program
from grace.runner.actions.service_target import setting

_ASK = """
import importlib.metadata, sys
found = importlib.metadata.packages_distributions().get(sys.argv[1], [])
print("\\n".join(sorted(set(found))))
"""


def read_map(text: str) -> dict[str, str]:
    """Read lines `module distribution`; `#` begins a comment."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) == 2:  # noqa: PLR2004 - a module and its distribution
            found[words[0]] = words[1]
    return found


def shipped_map() -> dict[str, str]:
    """Read the map that comes with Grace."""
    return read_map(files(__package__).joinpath("python_modules.txt").read_text("utf-8"))


def in_map(module: str, known: dict[str, str]) -> str | None:
    """Look a module up by its longest dotted beginning that is known."""
    parts = module.split(".")
    beginnings = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((known[each] for each in beginnings if each in known), None)


def distribution_of(situation: Situation, module: str) -> tuple[str, str]:
    """Name the distribution and say how it is known; `ActionFailed` where it is not.

    First the target's own `module_map`, then what an interpreter that has it installed says
    (`reference_python`), then the shipped map.
    """
    own = setting(situation, "module_map", "")
    if own:
        try:
            found = in_map(module, read_map(Path(own).read_text("utf-8")))
        except OSError as error:
            raise ActionFailed("the target's `module_map` cannot be read") from error
        if found:
            return found, "the target's own map says so"
    python = setting(situation, "reference_python", "")
    if python:
        found = _installed(situation, python, module.split(".", maxsplit=1)[0])
        if found:
            return found, "it is installed from there elsewhere"
    found = in_map(module, shipped_map())
    if found:
        return found, "the shipped map says so"
    raise ActionFailed(
        f"nothing says which distribution brings `{module}`. One of the same name may be "
        "anybody's, so none is guessed: name it in a file that the target's `module_map` names"
    )


def _installed(situation: Situation, python: str, top: str) -> str | None:
    answer = Program(situation, (python, "-I", "-c", _ASK), {}).run(top)
    names = {canonicalize_name(each) for each in answer.split()}
    if len(names) > 1:
        raise ActionFailed(
            f"`{top}` is brought by several distributions: {', '.join(sorted(names))}; name the "
            "one that is meant in the target's `module_map`"
        )
    return names.pop() if names else None
