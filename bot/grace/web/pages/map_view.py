"""The map of subsystems and their ties, laid out in lanes: from the world in, to the world out."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from grace.domain.base import Frozen
from grace.domain.health import Health, HealthState, worst
from grace.web.pages.words import Mark, mark

WIDTH: Final = 1100
BOX: Final = (178, 40)
_STEP: Final = 58
_TOP: Final = 34

# From left to right.
LANES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "The world": (
            "forge_api",
            "rate_budget",
            "ci",
            "metric_sources",
            "alert_sources",
            "agents",
        ),
        "Comes in": ("webhook_intake", "reconciliation", "detection", "inbox"),
        "Decides": ("worker", "deadlines", "policy", "brakes", "playbooks", "memory"),
        "Remembers": ("store", "ledger", "keys", "samples", "capa"),
        "Goes out": ("outbox", "live_feed", "notifications"),
    }
)
OTHERS: Final = "More"


class Node(Frozen):
    """One subsystem in its place: centre of the left edge, in the drawing's units."""

    health: Health
    x: int
    y: int
    mark: Mark


class Tie(Frozen):
    """A line between two subsystems; marked like the worse of both where that is not well."""

    path: str
    mark: Mark
    name: str


class Lane(Frozen):
    title: str
    x: int


class MapView(Frozen):
    """The whole drawing."""

    height: int
    lanes: tuple[Lane, ...]
    nodes: tuple[Node, ...]
    ties: tuple[Tie, ...]


def lane_of(name: str) -> str:
    """Name the lane of a subsystem."""
    return next((title for title, names in LANES.items() if name in names), OTHERS)


def draw(found: Sequence[Health]) -> MapView:
    """Place the subsystems and draw their ties; each tie once, whoever names it."""
    by_lane: dict[str, list[Health]] = {}
    for each in found:
        by_lane.setdefault(lane_of(each.name), []).append(each)
    used = [title for title in (*LANES, OTHERS) if title in by_lane]
    gap = (WIDTH - BOX[0] - 2) // max(1, len(used) - 1) if len(used) > 1 else 0
    tallest = max((len(each) for each in by_lane.values()), default=0)
    nodes: dict[str, Node] = {}
    for column, title in enumerate(used):
        lane = by_lane[title]
        offset = (tallest - len(lane)) * _STEP // 2
        for row, each in enumerate(lane):
            y = _TOP + offset + row * _STEP + BOX[1] // 2
            x = 1 + column * gap
            nodes[each.name] = Node(health=each, x=x, y=y, mark=mark(each.state))
    return MapView(
        height=_TOP + max(1, tallest) * _STEP,
        lanes=tuple(Lane(title=title, x=1 + n * gap) for n, title in enumerate(used)),
        nodes=tuple(nodes.values()),
        ties=_ties(nodes),
    )


def _ties(nodes: Mapping[str, Node]) -> tuple[Tie, ...]:
    pairs = {
        tuple(sorted((name, other)))
        for name, node in nodes.items()
        for other in node.health.ties
        if other in nodes and other != name
    }
    return tuple(_tie(nodes[a], nodes[b]) for a, b in sorted(pairs))


def _tie(one: Node, other: Node) -> Tie:
    left, right = (one, other) if one.x <= other.x else (other, one)
    width = BOX[0]
    if left.x == right.x:
        # Beside the lane, further out the longer it is; in the last lane to the inside.
        inside = left.x + width + _STEP > WIDTH
        out = 12 + abs(left.y - right.y) // 6
        x = left.x if inside else left.x + width
        bulge = x - out if inside else x + out
        path = f"M{x} {left.y}C{bulge} {left.y} {bulge} {right.y} {x} {right.y}"
    else:
        start, end = left.x + width, right.x
        middle = (start + end) // 2
        path = f"M{start} {left.y}C{middle} {left.y} {middle} {right.y} {end} {right.y}"
    state = worst((one.health.state, other.health.state))
    shown = Mark.PLAIN if state is HealthState.HEALTHY else mark(state)
    return Tie(path=path, mark=shown, name=f"{one.health.title} and {other.health.title}")
