"""The pure parts of the pages: columns, the way of a mission, the map, the history of trust."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from grace.domain.health import Health, HealthState
from grace.domain.mission import PullRef
from grace.domain.phase import Outcome, Phase, Severity, status_of
from grace.domain.surroundings import OutcomeFact
from grace.ports.hub import MissionPage, MissionRow
from grace.web.pages.board import arrange, column_of
from grace.web.pages.map_view import BOX, LANES, OTHERS, WIDTH, draw, lane_of
from grace.web.pages.mission_view import commands, links, road
from grace.web.pages.sighting_view import sighting
from grace.web.pages.trust_view import HEIGHT, history_of
from grace.web.pages.trust_view import WIDTH as CHART
from grace.web.pages.words import Mark
from support.cases import make_mission
from support.pages_world import SUBSYSTEMS, healthy
from support.reports import START
from support.sighted import seen

HEALTH_DOC = Path(__file__).parents[2] / "docs/health-and-capa.md"


def row(
    number: int, phase: Phase, *, held: bool = False, outcome: Outcome | None = None
) -> MissionRow:
    return MissionRow(
        mission_id=f"mission_20261122_{number:03}",
        log="forge.test/1",
        repository="acme/mesh",
        subsystem="mesh",
        title="",
        severity=Severity.HIGH,
        phase=phase,
        status=status_of(phase, outcome),
        held=held,
        outcome=outcome,
        waits_for="",
        issue=None,
        pull=None,
        claimed_by=None,
        created_at=START,
        changed_at=START,
        closed_at=None,
    )


@pytest.mark.parametrize("phase", [p for p in Phase if p is not Phase.CLOSED])
def test_every_live_mission_has_a_column_and_one_that_is_held_waits_for_a_person(phase):
    assert column_of(phase, held=False) in {"people", "work", "observed"}
    assert column_of(phase, held=True) == "people"


def test_columns_count_what_they_do_not_show():
    rows = [row(n, Phase.TESTING, held=n == 0) for n in range(12)]
    counts = {(Phase.TESTING, None): 12, (Phase.CLOSED, Outcome.FAILED): 4}
    found = {c.key: c for c in arrange(MissionPage(rows, None), [], counts)}
    assert (found["people"].count, found["work"].count, found["broke"].count) == (1, 11, 4)
    assert len(found["work"].rows) == 8
    counts[Phase.TESTING, None] = 900
    cut = {c.key: c for c in arrange(MissionPage(rows, "more"), [], counts)}
    assert (cut["people"].count, cut["work"].count) == (0, 900)


@pytest.mark.parametrize("phase", list(Phase))
def test_the_way_of_a_mission_has_one_place_where_it_stands(phase):
    outcome = Outcome.FIXED if phase is Phase.CLOSED else None
    steps = road(make_mission().with_(phase=phase, outcome=outcome))
    assert [step.state for step in steps].count("current") == 1
    assert len(steps) == 8
    current = next(step for step in steps if step.state == "current")
    assert current.name == (outcome or phase).value.replace("_", " ")


def test_a_cancelled_mission_shows_what_it_left_out():
    ended = make_mission().with_(phase=Phase.CLOSED, outcome=Outcome.CANCELLED)
    states = {step.name: step.state for step in road(ended)}
    assert states["testing"] == "done"
    assert states["gating"] == states["observing"] == "left_out"
    assert states["cancelled"] == "current"


def test_orders_fit_where_a_mission_stands():
    def names(**changes: object) -> set[str]:
        return {c.operation for c in commands(make_mission().with_(**changes))}

    assert names(phase=Phase.AWAITING_START) == {"execute", "cancel"}
    assert names() == {"hold", "retry", "cancel"}
    assert names(held="by ada") == {"resume", "retry", "cancel"}
    assert names(phase=Phase.CLOSED, outcome=Outcome.FIXED) == set()


def test_a_link_that_could_be_code_is_left_out():
    mission = make_mission().with_(issue=1, pull=PullRef(number=2, url="javascript:alert(1)"))
    found = links(mission, "https://forge.test/")
    assert [link.url for link in found] == ["https://forge.test/acme/mesh/issues/1"]
    assert links(mission, "javascript:x") == ()


def test_every_subsystem_has_a_lane_and_stands_within_the_drawing():
    drawing = draw(healthy(START))
    assert OTHERS not in {lane_of(name) for name, _, _ in SUBSYSTEMS}
    assert len(drawing.nodes) == len(SUBSYSTEMS)
    places = [(node.x, node.y) for node in drawing.nodes]
    assert len(set(places)) == len(places)
    for node in drawing.nodes:
        assert 0 < node.x <= WIDTH - BOX[0]
        assert BOX[1] / 2 < node.y < drawing.height - BOX[1] / 2
    assert sum(tie.mark is Mark.WAIT for tie in drawing.ties) >= 1


def test_the_map_knows_the_subsystems_that_are_documented():
    documented = set(re.findall(r"^\| `(\w+)`", HEALTH_DOC.read_text(), re.MULTILINE))
    assert documented == {name for names in LANES.values() for name in names}


def test_a_subsystem_that_nobody_knew_is_on_the_map_too():
    strange = Health(
        name="weather",
        title="Weather",
        state=HealthState.UNHEALTHY,
        sentence="it rains",
        checked_at=START,
        ties=("weather", "nothing"),
    )
    drawing = draw([strange])
    assert [(node.mark, node.health.name) for node in drawing.nodes] == [(Mark.BAD, "weather")]
    assert drawing.ties == ()
    assert draw([]).nodes == ()


def test_the_history_of_trust_stays_within_its_chart():
    facts = [
        OutcomeFact(
            mission=f"mission_20261122_{n:03}",
            agent="ada",
            severity=Severity.HIGH,
            outcome=Outcome.ROLLED_BACK if n == 50 else Outcome.FIXED,
            basis="approvals",
            at=START + timedelta(days=n),
        )
        for n in range(80)
    ]
    found = history_of(facts, "ada", Severity.HIGH, START + timedelta(days=80))
    assert (len(found.dots), found.left_out) == (60, 20)
    assert all(0 <= dot.x <= CHART and 0 <= dot.y <= HEIGHT for dot in found.dots)
    heights = [dot.y for dot in found.dots]
    assert max(heights) == heights[30]
    assert found.path.startswith("M")


def test_the_chart_of_an_anomaly_marks_its_onset_and_breaks_at_a_gap():
    found = sighting(seen([30.0, 30.0, None, 180.0, 184.0], 3, expected=31.0, surprise=3.3))
    assert found is not None
    assert found.line.count("M") == 2
    assert found.onset == 58 + 570 * 3 / 4
    assert [v.words for v in found.values] == ["30", "184"]
    assert found.values[1].at == 12
    assert found.expected is not None
    assert found.rarity.startswith("About one point in 2,000")


@pytest.mark.parametrize(
    "values", [[], [None, None], [5.0], [7.0, 7.0], [-1.7e308, 1.7e308]], ids=str
)
def test_odd_charts_stay_within_their_frame(values):
    found = sighting(seen(values, 99))
    assert found is not None
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", found.line)]
    assert all(12 <= y <= 166 for y in heights)
    assert 58 <= found.onset <= 628


def test_a_mission_of_no_detector_has_no_chart():
    assert sighting(None) is None
