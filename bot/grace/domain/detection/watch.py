"""One metric's watch: it feeds the detectors, and opens and ends episodes."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from grace.domain.base import Frozen
from grace.domain.catalog import MetricDefinition, Watching
from grace.domain.detection import wording
from grace.domain.detection.anomaly import Anomaly, DetectorName, Moved, Score
from grace.domain.detection.budget import aged, first_threshold
from grace.domain.detection.burn_rate import BurnRate
from grace.domain.detection.gone import Silence
from grace.domain.detection.recent import Recent
from grace.domain.detection.threshold import Threshold
from grace.domain.detection.unusual import Unusual
from grace.domain.detection.unusual_alarms import Alarms

EVERY_S: Final = 15.0  # between two samples, where nobody says otherwise
CALM: Final = 4  # samples in a row that are as they should be, until an episode is over
SETTLE_S: Final = 6 * 3600.0  # a level that stays for so long without an alarm is the new normal

Direction = Literal["up", "down", "gone"]


class Turn(StrEnum):
    """What a sample changed: nothing, or an episode began (or took another's place), or ended.

    `settled`: it ended because the metric stayed as it was until that was usual.
    """

    NOTHING = "nothing"
    BEGAN = "began"
    ENDED = "ended"
    SETTLED = "settled"


class Episode(Frozen):
    """A departure from what is normal, as it was when it was noticed.

    `since`: the onset, `at`: when it was noticed, both in seconds since the epoch; `sentence` does
    not say since when.
    """

    detector: DetectorName
    since: float
    at: float
    value: float | None = None
    expected: float | None = None
    surprise: float = 0.0
    direction: Direction
    sentence: str


class Found(NamedTuple):
    """What a detector found in a sample, and since when."""

    detector: DetectorName
    since: float
    sentence: str


class Detectors:
    """The detectors of one metric; None: that one does not watch it."""

    __slots__ = ("alarms", "burn", "silence", "threshold", "unusual")

    def __init__(
        self, metric_id: str, definition: MetricDefinition, watching: Watching, every: float
    ) -> None:
        target, wanted = definition.as_target(metric_id, 10), watching.detectors
        self.threshold = Threshold(target, watching.hold_samples) if "threshold" in wanted else None
        self.burn: BurnRate | None = None
        if "burn_rate" in wanted and watching.objective is not None:
            self.burn = BurnRate(target, watching.objective)
        self.unusual = Unusual() if "unusual" in wanted else None
        self.alarms = Alarms(first_threshold(every, watching.false_missions_per_day))
        self.silence = Silence(watching.stale_seconds) if "gone" in wanted else None


class Watch:
    """Watch one metric, sampled `every` so many seconds; memory does not grow with what is seen.

    `episode`: the one that lasts. `behind`: how many samples in a row were not newer than the one
    before, as where a clock was set back. `last`: the newest sample's time, `value` what it was,
    `surprise` how unusual. `calm`: how many samples in a row were as they should be, `alarmed`
    when one was not. `points`: how many the detector `unusual` saw; `calibrated`: when its
    threshold was set last.
    """

    __slots__ = (
        "alarmed",
        "behind",
        "calibrated",
        "calm",
        "definition",
        "detectors",
        "episode",
        "last",
        "metric_id",
        "points",
        "recent",
        "surprise",
        "value",
    )

    def __init__(
        self, metric_id: str, definition: MetricDefinition, every: float = EVERY_S
    ) -> None:
        assert definition.watch is not None  # who makes it chose those that are watched
        self.metric_id = metric_id
        self.definition = definition
        self.detectors = Detectors(metric_id, definition, definition.watch, every)
        self.recent = Recent()
        self.episode: Episode | None = None
        self.last = self.calibrated = self.alarmed = self.surprise = 0.0
        self.behind = self.calm = self.points = 0
        self.value: float | None = None

    def observe(self, at: float, value: float | None, *, idle: bool = False) -> Turn:
        """Take the next sample (seconds since the epoch); one that is not newer is left out.

        `idle`: there is no value because there was nothing to measure, and the source said so.
        """
        if at <= self.last:
            self.behind += 1
            return Turn.NOTHING
        self.behind, self.last, self.value = 0, at, value
        self.recent.add(at, value)
        silence = self.detectors.silence
        there = idle or value is not None
        gone = silence.observe(at, there=there) if silence is not None else None
        if value is None:
            return self._without_value(at, gone, there=there)
        score, found = self._judge(at, value)
        before = self.episode
        if found is not None and (before is None or before.detector is DetectorName.GONE):
            return self._begin(at, value, score, found)
        return Turn.NOTHING if before is None else self._goes_on(before, at, value, found)

    def _without_value(self, at: float, gone: float | None, *, there: bool) -> Turn:
        if self.episode is not None:
            back = there and self.episode.detector is DetectorName.GONE
            return self._calmer() if back else Turn.NOTHING
        if gone is None:
            return Turn.NOTHING
        said = wording.gone(self.metric_id)
        self.episode = Episode(
            detector=DetectorName.GONE, since=gone, at=at, direction="gone", sentence=said
        )
        self.calm, self.alarmed = 0, at
        return Turn.BEGAN

    def _judge(self, at: float, value: float) -> tuple[Score, Found | None]:
        """Ask every detector; the first that finds something gives its word."""
        of, definition = self.detectors, self.definition
        score = Score(0.0, None, at)
        if of.unusual is not None:
            score = of.unusual.observe(at, value)
            score = score._replace(surprise=aged(score.surprise, self.points))
            of.alarms.observe(at, score)
            self.points += 1
        self.surprise = score.surprise
        missed = of.threshold is not None and of.threshold.observe(at, value)
        burn = of.burn.observe(at, value) if of.burn is not None else None
        found: Found | None = None
        if missed:
            assert of.threshold is not None  # it was asked
            said = wording.over_threshold(self.metric_id, definition, value, score.expected)
            found = Found(DetectorName.THRESHOLD, of.threshold.since, said)
        elif burn is not None:
            said = wording.burning(self.metric_id, definition, burn)
            found = Found(DetectorName.BURN_RATE, burn.since, said)
        elif score.surprise >= of.alarms.threshold:
            said = wording.unusual(self.metric_id, definition, value, score.expected)
            found = Found(DetectorName.UNUSUAL, self._onset(score, value), said)
        return score, found

    def _onset(self, score: Score, value: float) -> float:
        """Say when what is unusual began: the detector's word reaches back to the first doubt."""
        usual = value if score.expected is None else score.expected
        return self.recent.onset(score.since, usual, value)

    def _begin(self, at: float, value: float, score: Score, found: Found) -> Turn:
        """Open an episode; its onset is the earliest that any detector saw."""
        unusual = score.surprise >= self.detectors.alarms.threshold
        since = min(found.since, self._onset(score, value)) if unusual else found.since
        usual = score.expected
        said = found.sentence
        if unusual:
            said = f"{said}; {wording.rarely(score.surprise, self.points)}"
        middle = self.definition.target if usual is None else usual
        self.episode = Episode(
            detector=found.detector,
            since=since,
            at=at,
            value=value,
            expected=usual,
            surprise=score.surprise,
            direction="down" if value < middle else "up",
            sentence=said,
        )
        self.calm, self.alarmed = 0, at
        return Turn.BEGAN

    def _goes_on(self, episode: Episode, at: float, value: float, found: Found | None) -> Turn:
        """End an episode where all is as it should be, or where it has become usual."""
        if found is not None:
            self.calm, self.alarmed = 0, at
            return Turn.NOTHING
        if self._came_back(episode, value):
            return self._calmer()
        self.calm = 0
        if at - self.alarmed >= SETTLE_S:
            self.episode = None
            return Turn.SETTLED
        return Turn.NOTHING

    def _calmer(self) -> Turn:
        self.calm += 1
        if self.calm < CALM:
            return Turn.NOTHING
        self.episode = None
        return Turn.ENDED

    def _came_back(self, episode: Episode, value: float) -> bool:
        """Tell whether a metric is nearer to what was usual than to what was unusual.

        The detector `unusual` gets used to what stays: that it is silent again says nothing yet.
        """
        threshold = self.detectors.threshold
        if threshold is not None and threshold.misses:
            return False
        if episode.detector is not DetectorName.UNUSUAL:
            return True
        if self.detectors.alarms.open is not None:
            return False
        usual, then = episode.expected, episode.value
        return usual is None or then is None or abs(value - usual) <= abs(value - then)

    def anomaly(self, moved: tuple[Moved, ...] = (), instead: str | None = None) -> Anomaly:
        """Say what is amiss, with the last samples; `instead`: another sentence than its own."""
        assert self.episode is not None  # who asks saw it begin
        episode = self.episode
        since = wording.clock(episode.since, episode.at)
        return Anomaly(
            metric_id=self.metric_id,
            detector=episode.detector,
            since=datetime.fromtimestamp(episode.since, UTC),
            at=datetime.fromtimestamp(episode.at, UTC),
            value=episode.value,
            unit=self.definition.unit[:50],
            expected=episode.expected,
            surprise=episode.surprise,
            direction=episode.direction,
            sentence=wording.bounded(f"{instead or episode.sentence}; since {since}"),
            moved=moved,
            chart=self.recent.chart(),
        )
