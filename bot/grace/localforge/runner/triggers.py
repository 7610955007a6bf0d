"""Does an event start a workflow? `on:` as a word, a list or a mapping with filters."""

from collections.abc import Mapping

from grace.localforge.runner import filters
from grace.localforge.runner.document import mapping, strings
from grace.localforge.runner.errors import WorkflowInvalid

_DEFAULT_TYPES: Mapping[str, tuple[str, ...]] = {
    "pull_request": ("opened", "synchronize", "reopened"),
    "pull_request_target": ("opened", "synchronize", "reopened"),
}


def triggered(on: object, event_name: str, event: Mapping[str, object]) -> bool:
    """Say whether `event` starts a workflow with this `on:`.

    Path filters need the changed paths: those of the commits of a push, or a top-level list
    `changed_paths` in the payload. Where neither is there the filter lets the event pass.
    """
    specs = _specs(on)
    if event_name not in specs:
        return False
    spec = mapping(specs[event_name] or {}, f"`on.{event_name}`") if specs[event_name] else {}
    if not _type_selected(spec, event_name, event):
        return False
    match event_name:
        case "push":
            return not event.get("deleted") and _push_selected(spec, event)
        case "pull_request" | "pull_request_target":
            base = _text(_dict(_dict(event.get("pull_request")).get("base")).get("ref"))
            return _ref_selected(spec, "branches", base) and _paths_selected(spec, event)
        case _:
            return True


def _specs(on: object) -> Mapping[str, object]:
    match on:
        case None:
            raise WorkflowInvalid("the workflow has no `on`: say which events start it")
        case str() | list():
            return dict.fromkeys(strings(on, "`on`"))
        case _:
            return mapping(on, "`on`")


def _type_selected(spec: Mapping[str, object], name: str, event: Mapping[str, object]) -> bool:
    action = event.get("action")
    types = strings(spec.get("types"), f"`on.{name}.types`") or _DEFAULT_TYPES.get(name, ())
    return not types or action is None or action in types


def _push_selected(spec: Mapping[str, object], event: Mapping[str, object]) -> bool:
    ref = _text(event.get("ref"))
    has_branches = "branches" in spec or "branches-ignore" in spec
    has_tags = "tags" in spec or "tags-ignore" in spec
    if ref.startswith("refs/tags/"):
        if not has_tags:
            return not has_branches
        return _ref_selected(spec, "tags", ref.removeprefix("refs/tags/"))
    if not has_branches and has_tags:
        return False
    branch = ref.removeprefix("refs/heads/")
    return _ref_selected(spec, "branches", branch) and _paths_selected(spec, event)


def _ref_selected(spec: Mapping[str, object], kind: str, name: str) -> bool:
    wanted, ignored = spec.get(kind), spec.get(f"{kind}-ignore")
    if wanted is not None and ignored is not None:
        raise WorkflowInvalid(f"`{kind}` and `{kind}-ignore` cannot be used together")
    if wanted is not None:
        return filters.matches(strings(wanted, f"`{kind}`"), name)
    return not filters.matches(strings(ignored, f"`{kind}-ignore`"), name)


def _paths_selected(spec: Mapping[str, object], event: Mapping[str, object]) -> bool:
    wanted, ignored = spec.get("paths"), spec.get("paths-ignore")
    if wanted is not None and ignored is not None:
        raise WorkflowInvalid("`paths` and `paths-ignore` cannot be used together")
    changed = _changed(event)
    if changed is None:
        return True
    if wanted is not None:
        return filters.selects_any(strings(wanted, "`paths`"), changed)
    if ignored is not None:
        return not filters.ignores_all(strings(ignored, "`paths-ignore`"), changed)
    return True


def _changed(event: Mapping[str, object]) -> frozenset[str] | None:
    """Return the changed paths that the payload tells of; None where it tells of none."""
    told = event.get("changed_paths")
    if isinstance(told, list):
        return frozenset(str(path) for path in told)
    commits = event.get("commits")
    if not isinstance(commits, list) or not commits:
        return None
    paths: set[str] = set()
    for commit in commits:
        for kind in ("added", "modified", "removed"):
            listed = _dict(commit).get(kind)
            paths.update(str(path) for path in listed if path) if isinstance(listed, list) else None
    return frozenset(paths) or None


def _dict(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
