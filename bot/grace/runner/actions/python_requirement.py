"""Add the distribution of a missing module to the requirements, as a patch."""

from dataclasses import dataclass, field
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from grace.domain.playbooks.action import ActionSpec
from grace.runner.action import ActionFailed, Found, Situation
from grace.runner.actions.python_checkout import (
    file_of,
    folder_of,
    identify_checkout,
    inserted,
    missing_module,
    refuse_own,
    required_in,
)
from grace.runner.actions.python_index import Index, Release, locked
from grace.runner.actions.python_names import distribution_of
from grace.runner.actions.service_patch import keep_patch, kept_patch, patch_of
from grace.runner.actions.service_target import nothing_to_undo, number, setting, spec_of

_MOST_RELEASES = 30


@dataclass
class _Chosen:
    """Releases to add, by name; `known`: names that are required already."""

    known: frozenset[str]
    releases: dict[str, Release] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        return canonicalize_name(name) in self.known or canonicalize_name(name) in self.releases


class Requirement:
    """The patch names exactly one release, with the SHA-256 of every file of it.

    In a file whose requirements have hashes, what the release needs itself is added too: pip takes
    no part of such a file without.
    """

    spec: ActionSpec = spec_of("python.requirement")

    def identify(self, situation: Situation) -> None:
        identify_checkout(situation)

    def look(self, situation: Situation) -> Found:
        kept = kept_patch(situation)
        if kept is not None:
            return kept
        module = _module(situation)
        if module is None:
            return Found(holds=True, sentence="no module is missing")
        refuse_own(situation, module)
        name, why = distribution_of(situation, module)
        path, lines = _requirements(situation)
        shown = path.relative_to(folder_of(situation))
        if canonicalize_name(name) in {each.name for each in required_in(lines)}:
            words = f"{shown} names {name} already, for `{module}`: install the requirements anew"
            return Found(holds=True, sentence=words)
        words = f"would add {name} to {shown}, for `{module}`: {why}"
        return Found(holds=False, sentence=words, values={"module": module, "distribution": name})

    def act(self, situation: Situation) -> Found:
        seen = self.look(situation)
        if seen.holds:
            return seen
        name = str(seen.values["distribution"])
        path, lines = _requirements(situation)
        hashed = any("--hash=" in line for line in lines) or not required_in(lines)
        chosen = _Chosen(frozenset(each.name for each in required_in(lines)))
        _choose(situation, name, SpecifierSet(), chosen, with_needs=hashed)
        changed = lines
        for release in chosen.releases.values():
            changed = inserted(changed, release.name, _entry(release, hashed=hashed))
        shown = str(path.relative_to(folder_of(situation)))
        first = chosen.releases[canonicalize_name(name)]
        also = len(chosen.releases) - 1
        words = (
            f"{first.name} {first.version} is added to {shown} for `{seen.values['module']}`"
            + (f", and {also} that it needs" if also else "")
        )
        if not hashed:
            words += "; the other requirements there have no hashes, so this has none either"
        found = Found(
            holds=True,
            sentence=words,
            values={**seen.values, "version": first.version},
            diff=patch_of(shown, lines, changed),
        )
        return keep_patch(situation, found)

    def verify(self, situation: Situation) -> Found:
        kept = kept_patch(situation)
        return kept or Found(holds=False, sentence="no patch was made")

    def undo(self, situation: Situation) -> Found:
        return nothing_to_undo(situation)


def _module(situation: Situation) -> str | None:
    """Take what an earlier step found missing, else look again."""
    for values in situation.found.values():
        if isinstance(values.get("module"), str):
            return str(values["module"])
    return missing_module(situation)


def _requirements(situation: Situation) -> tuple[Path, list[str]]:
    path = file_of(situation, "requirements", "requirements.txt")
    if path.suffix not in {".txt", ".in", ".lock"}:
        raise ActionFailed("`requirements` must name a file in pip's format")
    try:
        return path, path.read_text("utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise ActionFailed(f"{path.name} cannot be read: {type(error).__name__}") from error


def _choose(
    situation: Situation, name: str, allowed: SpecifierSet, chosen: _Chosen, *, with_needs: bool
) -> None:
    """Choose a release, and in a file with hashes those that it needs."""
    if len(chosen.releases) >= _MOST_RELEASES:
        raise ActionFailed(f"more than {_MOST_RELEASES} requirements would be added: do it by hand")
    release = _pinned(situation, name, allowed)
    chosen.releases[canonicalize_name(name)] = release
    if not with_needs:
        return
    for need in release.requires:
        if not chosen.has(need.name):
            _choose(situation, need.name, need.specifier, chosen, with_needs=True)


def _pinned(situation: Situation, name: str, allowed: SpecifierSet) -> Release:
    """Take the release that the lock file pins, else the newest of the index."""
    lock = setting(situation, "lock_file", "")
    index = Index(situation) if setting(situation, "index_url", "") else None
    release = locked(file_of(situation, "lock_file"), name) if lock else None
    if release is not None:
        if release.version not in allowed:
            raise ActionFailed(f"the lock file pins {name} {release.version}, not {allowed}")
        if index is not None:
            known = index.exact(name, release.version)
            if release.hashes and not set(release.hashes) <= set(known.hashes):
                raise ActionFailed(
                    f"the hashes of {name} {release.version} in the lock file are not those of the "
                    "index: find out which is right"
                )
            return Release(name, release.version, release.hashes or known.hashes, known.requires)
        if release.hashes:
            return release
    if index is None:
        raise ActionFailed(
            f"no release of {name} is pinned with hashes in a lock file, and the target has no "
            "`index_url`: set one of them"
        )
    return index.newest(name, allowed, number(situation, "min_age_days"))


def _entry(release: Release, *, hashed: bool) -> list[str]:
    first = f"{release.name}=={release.version}"
    if not hashed:
        return [f"{first}\n"]
    hashes = [f"    --hash=sha256:{each}" for each in release.hashes]
    return [f"{line}{end}\n" for line, end in _continued([first, *hashes])]


def _continued(lines: list[str]) -> list[tuple[str, str]]:
    return [(line, " \\" if place + 1 < len(lines) else "") for place, line in enumerate(lines)]
