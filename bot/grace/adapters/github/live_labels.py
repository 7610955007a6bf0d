"""The labels of issues and pull requests in a sweep, with who put them. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import AwareDatetime

from grace.adapters.github.graph import Node
from grace.adapters.github.payloads import fit
from grace.adapters.github.seen import actor_of
from grace.adapters.github.who import WhoNode, nodes_of
from grace.domain.events import LabelSeen
from grace.ports import LabelsRead

_FIELDS: Final = """{
  updatedAt labels(first: 100) { totalCount nodes { name } }
  timelineItems(itemTypes: [LABELED_EVENT, UNLABELED_EVENT], last: 50) { nodes {
    __typename
    ... on LabeledEvent { createdAt actor { ...who } label { name } }
    ... on UnlabeledEvent { createdAt actor { ...who } label { name } }
  } }
}
"""
ISSUE_LABELS: Final = f"fragment issueLabels on Issue {_FIELDS}"
PULL_LABELS: Final = f"fragment pullLabels on PullRequest {_FIELDS}"


class _Label(Node):
    name: str


class _Event(Node):
    created_at: AwareDatetime
    actor: WhoNode | None = None
    label: _Label


class _Thing(Node):
    updated_at: AwareDatetime


def labels_read(number: int, data: Mapping[str, Any] | None) -> Iterator[LabelsRead]:
    """Yield the labels of an issue or pull request; nothing where GitHub did not tell them.

    A label that none of the newest fifty events is about was put by nobody that is known, at the
    latest when the thing was changed last.
    """
    if data is None or data.get("labels") is None:
        return
    at = fit(_Thing, data, "sweep").updated_at
    names = [fit(_Label, node, "sweep").name for node in nodes_of(data, "labels")]
    last: dict[str, LabelSeen] = {}
    for node in nodes_of(data, "timelineItems"):
        event = _event(number, node)
        last[event.label.lower()] = event
    seen = []
    for name in names:
        known = last.pop(name.lower(), None)
        if known is None or not known.present:
            known = LabelSeen(number=number, label=name, present=True, actor=None, at=at)
        seen.append(known.model_copy(update={"label": name}))
    seen += [event for event in last.values() if not event.present]
    whole = data["labels"].get("totalCount", len(names)) == len(names)
    yield LabelsRead(number=number, seen=tuple(seen), at=at, whole=whole)


def _event(number: int, node: Mapping[str, Any]) -> LabelSeen:
    event = fit(_Event, node, "sweep")
    return LabelSeen(
        number=number,
        label=event.label.name,
        present=node.get("__typename") == "LabeledEvent",
        actor=actor_of(None if event.actor is None else event.actor.user()),
        at=event.created_at,
    )
