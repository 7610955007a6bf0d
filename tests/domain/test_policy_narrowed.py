"""What a repository's log may tell its readers of the rules."""

from datetime import UTC, datetime, timedelta

import pytest

from grace.domain.alerting.rules import Alerting, Maintenance
from grace.domain.catalog import (
    Catalog,
    ForgeFigure,
    HostFigure,
    JsonPage,
    MetricDefinition,
    PrometheusQuery,
    PrometheusText,
    SqlQuery,
    Subsystem,
    Subsystems,
    Watching,
)
from grace.domain.mission import MissionRef
from grace.domain.policy import Governance, Policy
from grace.domain.proactive import Remedies, Remedy

SECRET = "https://user:secret@metrics.internal/page"


def _worked_on(*subsystems: str, reason: str) -> Maintenance:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    end = at + timedelta(hours=1)
    return Maintenance(start=at, end=end, subsystems=subsystems, reason=reason)


HERE = MissionRef(host="forge", repository_id=1, repository="Acme/Mesh")
POLICY = Policy(
    catalog=Catalog(
        metrics={
            "p95": MetricDefinition(
                target=1,
                comparator="<",
                unit="ms",
                source=PrometheusText(url=SECRET, series="internal_name"),
            ),
            "none": MetricDefinition(target=1, comparator="<", unit="ms"),
        }
    ),
    subsystems=Subsystems(
        subsystems={
            "mesh": Subsystem(host="forge", repository="acme/mesh"),
            "hidden": Subsystem(host="forge", repository="acme/hidden", reviewers=("boss",)),
        }
    ),
    governance=Governance(
        alerting=Alerting(
            maintenance=(
                _worked_on("hidden", reason="boss moves it"),
                _worked_on("mesh", "hidden", reason="both"),
                _worked_on(reason="all"),
            )
        )
    ),
    remedies=Remedies(
        remedies=(
            Remedy(name="both", metrics=("p95",), subsystems=("mesh", "hidden"), diff="d"),
            Remedy(name="theirs", metrics=("p95",), subsystems=("hidden",), diff="boss"),
        )
    ),
    bot_login="grace[bot]",
    app_id=7,
)


def test_it_names_no_other_repository_and_no_source():
    text = POLICY.narrowed(HERE).model_dump_json()
    assert "hidden" not in text
    assert "boss" not in text
    assert "secret" not in text
    assert "internal" not in text


def test_it_keeps_the_maintenance_and_remedies_that_are_its_own():
    narrowed = POLICY.narrowed(HERE)
    kept = narrowed.governance.alerting.maintenance
    assert [(m.reason, m.subsystems) for m in kept] == [("both", ("mesh",)), ("all", ())]
    assert [(r.name, r.subsystems) for r in narrowed.remedies.remedies] == [("both", ("mesh",))]


@pytest.mark.parametrize(
    "source",
    [
        PrometheusText(url=SECRET, series="internal", labels={"secret": "internal"}),
        PrometheusQuery(url=SECRET, query="internal"),
        JsonPage(url=SECRET, path="internal", headers_env={"X-Internal": "SECRET_OF_INTERNAL"}),
        SqlQuery(url_env="INTERNAL_SECRET", query="SELECT secret FROM internal"),
        HostFigure(figure="disk_percent", path="/internal/secret"),
        ForgeFigure(figure="ci_queue", subsystem="hidden"),
    ],
    ids=lambda source: source.kind,
)
def test_no_kind_of_source_tells_where_it_is_or_what_it_is_asked(source):
    watched = MetricDefinition(
        target=1, comparator="<", unit="", source=source, watch=Watching(subsystem="hidden")
    )
    policy = Policy(catalog=Catalog(metrics={"m": watched}), subsystems=POLICY.subsystems)
    shown = policy.narrowed(HERE).catalog
    text = shown.model_dump_json().lower()
    assert [word for word in ("hidden", "secret", "internal") if word in text] == []
    assert shown.metrics["m"].measurable


def test_what_decides_stays():
    narrowed = POLICY.narrowed(HERE)
    assert narrowed.names_in("forge", "acme/mesh") == ("mesh",)
    alerting = {"alerting": POLICY.governance.alerting}
    assert narrowed.governance.model_copy(update=alerting) == POLICY.governance
    assert (narrowed.bot_login, narrowed.app_id) == ("grace[bot]", 7)
    whole = POLICY.catalog.metrics
    for name, metric in narrowed.catalog.metrics.items():
        assert metric.measurable is whole[name].measurable
        assert metric.target == whole[name].target


def test_a_renamed_repository_keeps_the_subsystem_that_it_goes_by():
    renamed = HERE.model_copy(update={"repository": "acme/renamed"})
    assert POLICY.narrowed(renamed).subsystems.subsystems == {}
    assert list(POLICY.narrowed(renamed, "mesh").subsystems.subsystems) == ["mesh"]


def test_each_has_one_document_and_one_hash():
    narrowed = POLICY.narrowed(HERE)
    assert narrowed is POLICY.narrowed(HERE)
    assert narrowed.digest() != POLICY.digest()
    assert narrowed.digest() == Policy.model_validate(narrowed.document()).digest()
