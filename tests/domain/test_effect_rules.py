"""Each kind of effect says how it is done once, and kept samples are read as the judge reads them."""

from datetime import UTC, datetime

from grace.domain.effect_rules import EFFECT_RULES
from grace.domain.effects import EFFECT_TYPES
from grace.domain.samples import Sample, observation_of


def test_each_kind_of_effect_has_its_rule() -> None:
    assert set(EFFECT_RULES) == set(EFFECT_TYPES)
    for rule in EFFECT_RULES.values():
        assert rule.marker
        assert rule.probe
        assert rule.conflict


def test_a_kept_sample_is_an_observation_of_its_metric() -> None:
    found = observation_of("mesh.latency", "ms", Sample(1_700_000_000.5, None))
    assert (found.metric_id, found.unit, found.value) == ("mesh.latency", "ms", None)
    assert found.at == datetime.fromtimestamp(1_700_000_000.5, UTC)
