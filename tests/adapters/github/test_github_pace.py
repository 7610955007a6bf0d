"""No interleaving of calls exceeds a limit, and none waits for ever."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from grace.adapters.github.pace import Cost, Limits, Pace, Ticket, Urgency, Window
from support.examples import examples

LIMITS = Limits(points_per_minute=30, content_per_minute=4, content_per_hour=9, at_once=3)
READ, WRITE, REMOVE = Cost(), Cost(5, content=True), Cost(5)
COSTS = st.sampled_from([READ, WRITE, REMOVE])


@dataclass
class Run:
    """A simulation: time moves, calls start as they may and end as they will."""

    pace: Pace
    now: float = 0.0
    running: list[Ticket] = field(default_factory=list)
    started: list[tuple[float, Ticket]] = field(default_factory=list)

    def start_all(self) -> float | None:
        while isinstance(found := self.pace.next(self.now), Ticket):
            self.running.append(found)
            self.started.append((self.now, found))
        return found

    def end(self, nth: int) -> None:
        self.pace.drop(self.running.pop(nth))

    def drain(self) -> None:
        """End everything that runs and wait as told until nobody is left."""
        for _ in range(2000):
            wait = self.start_all()
            while self.running:
                self.end(0)
            if self.pace.figures(0, self.now).waiting == 0:
                return
            self.now += (wait or 0.0) + 1e-6
        raise AssertionError("somebody waits for ever")

    def most(self, span: float, amount: str) -> int:
        def size(ticket: Ticket) -> int:
            return ticket.cost.points if amount == "points" else int(ticket.cost.content)

        return max(
            (
                sum(size(t) for at, t in self.started if first <= at < first + span)
                for first, _ in self.started
            ),
            default=0,
        )


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from(Urgency), COSTS),
        st.tuples(st.just("end"), st.integers(0, 2)),
        st.tuples(st.just("pass"), st.floats(0.01, 40)),
        st.tuples(st.just("pause"), st.floats(0, 20)),
        st.tuples(st.just("told"), st.integers(0, 40), st.floats(1, 100)),
    ),
    max_size=80,
)


@given(STEPS)
@settings(max_examples=examples(150), deadline=None)
def test_no_interleaving_exceeds_a_limit_and_everybody_is_served(steps: list[tuple]) -> None:
    run = Run(Pace(LIMITS))
    paused, asked = 0.0, 0
    for step in steps:
        match step:
            case ("ask", urgency, cost):
                run.pace.ask(urgency, cost, run.now)
                asked += 1
            case ("end", nth) if nth < len(run.running):
                run.end(nth)
            case ("pass", seconds):
                run.now += seconds
            case ("pause", seconds):
                paused = max(paused, run.now + seconds)
                run.pace.pause(paused)
            case ("told", remaining, resets_in):
                run.pace.told("core", 40, remaining, run.now + resets_in)
        before = len(run.started)
        run.start_all()
        assert len(run.running) <= LIMITS.at_once
        assert len(run.started) == before or run.now >= paused
    run.drain()
    assert len(run.started) == asked
    assert run.most(60, "points") <= LIMITS.points_per_minute
    assert run.most(60, "content") <= LIMITS.content_per_minute
    assert run.most(3600, "content") <= LIMITS.content_per_hour


@given(st.integers(10, 40))
@settings(max_examples=10, deadline=None)
def test_burst_of_writes_takes_hours_rather_than_more_than_its_share(writes: int) -> None:
    run = Run(Pace(LIMITS))
    for _ in range(writes):
        run.pace.ask(Urgency.COMMENT, WRITE, 0.0)
    run.drain()
    assert len(run.started) == writes
    assert run.most(60, "content") == LIMITS.content_per_minute
    assert run.most(3600, "content") == LIMITS.content_per_hour


@given(st.integers(0, 60), st.integers(0, 60))
def test_quota_is_never_overdrawn(remaining: int, wanted: int) -> None:
    run = Run(Pace(Limits(at_once=1000)))
    run.pace.told("core", 60, remaining, 50.0)
    for _ in range(wanted):
        run.pace.ask(Urgency.LANDING, READ, 0.0)
    run.start_all()
    assert len(run.started) == min(remaining, wanted)


def test_what_is_left_of_the_hour_is_kept_for_what_lands() -> None:
    run = Run(Pace(Limits()))
    run.pace.told("core", 5000, 400, 1800.0)
    sweep = run.pace.ask(Urgency.SWEEP, READ, 0.0)
    run.pace.ask(Urgency.LANDING, WRITE, 0.0)
    assert run.start_all() == 1800.0
    assert [t.urgency for _, t in run.started] == [Urgency.LANDING]
    assert run.pace.wait_of(sweep, 0.0) == 1800.0


def test_graphql_has_a_quota_of_its_own() -> None:
    run = Run(Pace(Limits()))
    run.pace.told("graphql", 5000, 0, 1800.0)
    run.pace.ask(Urgency.LANDING, Cost(resource="graphql"), 0.0)
    run.pace.ask(Urgency.SWEEP, READ, 0.0)
    run.start_all()
    assert [t.urgency for _, t in run.started] == [Urgency.SWEEP]


def test_answer_that_was_overtaken_gives_nothing_back() -> None:
    pace = Pace(Limits())
    pace.told("core", 5000, 10, 1800.0)
    pace.told("core", 5000, 12, 1800.4)
    assert pace.figures(5, 0.0).remaining == 10
    pace.told("core", 5000, 4999, 5400.0)
    pace.told("core", 5000, 3, 1800.0)
    assert pace.figures(5, 0.0).remaining == 4999


def test_merges_go_before_checks_before_comments_before_sweeps() -> None:
    run = Run(Pace(Limits(at_once=1)))
    for urgency in reversed(Urgency):
        run.pace.ask(urgency, READ, 0.0)
    run.drain()
    assert [t.urgency for _, t in run.started] == list(Urgency)


def test_sweep_that_waits_is_served_though_merges_keep_coming() -> None:
    run = Run(Pace(Limits(at_once=1)))
    run.pace.ask(Urgency.LANDING, READ, 0.0)
    sweep = run.pace.ask(Urgency.SWEEP, READ, 0.0)
    for second in range(20):
        run.now = float(second)
        run.pace.ask(Urgency.LANDING, READ, run.now)
        run.start_all()
        run.end(0)
    served = next(at for at, t in run.started if t is sweep or t == sweep)
    assert served <= 10


def test_reads_pass_a_write_that_lacks_content_but_none_that_lacks_points() -> None:
    run = Run(Pace(Limits(content_per_minute=1, points_per_minute=10)))
    for _ in range(2):
        run.pace.ask(Urgency.LANDING, WRITE, 0.0)
    run.pace.ask(Urgency.SWEEP, READ, 0.0)
    run.start_all()
    assert [t.cost for _, t in run.started] == [WRITE, READ]
    run.pace.ask(Urgency.LANDING, REMOVE, 0.0)
    run.pace.ask(Urgency.SWEEP, READ, 0.0)
    assert run.start_all() == 60.0
    assert len(run.started) == 2


def test_window_frees_what_was_spent_when_its_span_is_over() -> None:
    window = Window(10, 60.0)
    window.spend(6, 0.0)
    window.spend(4, 30.0)
    assert window.wait(5, 40.0) == 20.0
    assert window.wait(7, 40.0) == 50.0
    assert window.wait(99, 40.0) == 50.0
    assert window.left(60.0) == 6


def test_figures_tell_what_is_left() -> None:
    run = Run(Pace(LIMITS))
    run.pace.ask(Urgency.COMMENT, WRITE, 0.0)
    run.start_all()
    run.pace.ask(Urgency.COMMENT, READ, 0.0)
    run.pace.pause(7.0)
    figures = run.pace.figures(5, 2.0)
    assert (figures.installation, figures.waiting, figures.running) == (5, 1, 1)
    assert (figures.points_left, figures.content_left_minute, figures.content_left_hour) == (
        25,
        3,
        8,
    )
    assert (figures.remaining, figures.paused_s) == (None, 5.0)
