"""Playbooks, one YAML file each: read strictly, and checked against what actions there are."""

from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePath
from typing import Final

from grace.adapters.config.strict import (
    ConfigError,
    ConfigProblem,
    Source,
    compose,
    gather,
    locate,
)
from grace.domain.catalog import Subsystems
from grace.domain.playbooks.action import ActionSpec
from grace.domain.playbooks.checking import problems_of
from grace.domain.playbooks.playbook import Playbook, Playbooks
from grace.domain.playbooks.specs import ACTIONS

ENDING: Final = ".yaml"
MOST: Final = 100


def shipped_playbooks() -> Traversable:
    """Find the playbooks that ship with the package."""
    return resources.files("grace") / "playbooks"


def load_playbooks(folder: Path | None = None) -> Playbooks:
    """Load a folder's playbooks, or those that ship; `ConfigError` with the problems of all."""
    problems: list[ConfigProblem] = []
    found = gather_playbooks(folder, problems)
    if problems:
        raise ConfigError(problems)
    return found


def gather_playbooks(
    folder: Path | None, problems: list[ConfigProblem], subsystems: Subsystems | None = None
) -> Playbooks:
    """Load a folder's playbooks; add everything that is wrong with them to `problems`."""
    if folder is not None and not folder.is_dir():
        problems.append(ConfigProblem(str(folder), 1, "", "is not a folder; create it"))
        return Playbooks()
    place: Traversable = folder if folder is not None else shipped_playbooks()
    files = sorted((f for f in place.iterdir() if f.name.endswith(ENDING)), key=lambda f: f.name)
    if len(files) > MOST:
        told = f"has more than {MOST} playbooks; remove some"
        problems.append(ConfigProblem(str(place), 1, "", told))
    loaded = []
    for file in files[:MOST]:
        source = _read(file, problems)
        playbook = None if source is None else gather_playbook(source, problems)
        if source is not None and playbook is not None:
            _unknown_subsystems(source, playbook, subsystems, problems)
            loaded.append(playbook)
    return Playbooks(playbooks=tuple(loaded)) if not problems else Playbooks()


def gather_playbook(
    source: Source, problems: list[ConfigProblem], actions: Mapping[str, ActionSpec] = ACTIONS
) -> Playbook | None:
    """Load one playbook; add everything that is wrong with it to `problems`."""
    playbook = gather(Playbook, source, problems)
    if playbook is None:
        return None
    root, found = compose(source), len(problems)
    stem = PurePath(source.file).stem
    if playbook.name != stem:
        node, path = locate(root, ("name",))
        told = f"is not the file's name; write {stem}, or call the file {playbook.name}{ENDING}"
        problems.append(source.problem(node, path, told))
    for problem in problems_of(playbook, actions):
        node, _ = locate(root, problem.place)
        problems.append(source.problem(node, problem.place, problem.problem))
    return playbook if len(problems) == found else None


def read_playbook(path: Path) -> Playbook:
    """Load one file; raises `ConfigError` with all of its problems."""
    problems: list[ConfigProblem] = []
    source = _read(path, problems)
    playbook = None if source is None else gather_playbook(source, problems)
    if playbook is None:
        raise ConfigError(problems)
    return playbook


def _unknown_subsystems(
    source: Source,
    playbook: Playbook,
    subsystems: Subsystems | None,
    problems: list[ConfigProblem],
) -> None:
    for i, name in enumerate(playbook.subsystems):
        if subsystems is not None and name not in subsystems.subsystems:
            node, path = locate(compose(source), ("subsystems", i))
            told = f"{name} is not in subsystems.yaml; add it there"
            problems.append(source.problem(node, path, told))


def _read(file: Traversable, problems: list[ConfigProblem]) -> Source | None:
    try:
        return Source(str(file), file.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(ConfigProblem(str(file), 1, "", f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError:
        problems.append(ConfigProblem(str(file), 1, "", "is not UTF-8 text; save it as UTF-8"))
    return None
