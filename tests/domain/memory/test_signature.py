"""What kind of problem it is: short, and the same from week to week."""

from datetime import UTC, datetime

import pytest

from grace.domain.memory.signature import Signature, read_signature, signature, signature_of
from grace.domain.package import AcceptanceCriteria, Evidence, MissionRequest, Symptom
from grace.domain.phase import Severity


@pytest.mark.parametrize(
    ("metric", "description", "expected"),
    [
        ("mesh.latency_p95", "slow", "latency/latency/-"),
        ("api.checkout.response_time_avg_ms", "slow", "latency/response_time/-"),
        ("infra.memory_percent", "it grows", "memory/memory/-"),
        (None, "database is locked", "lock/-/-"),
        (None, "No module named 'yaml'", "import/-/-"),
        (None, "database disk image is malformed", "corruption/-/-"),
        (None, "it raises shop.TaxError", "errors/-/TaxError"),
        (None, "colours are wrong", "other/-/-"),
        ("plan_success_ratio", "few succeed", "success/plan_success/-"),
    ],
)
def test_the_signature_says_kind_family_and_error(metric, description, expected):
    found = signature([Symptom(description=description, metric_id=metric)], [description])
    assert str(found) == expected
    assert read_signature(str(found)) == found


@pytest.mark.parametrize(
    ("description", "kind"),
    [
        ("orders time out and are slow", "latency"),
        ("memory leak", "memory"),
        ("cpu at 100 percent", "saturation"),
        ("nothing special", "other"),
        ("an important upload of a clock", "other"),
        ("it says MemoryError", "memory"),
        ("it says ModuleNotFoundError", "import"),
    ],
)
def test_the_kind_is_read_from_words_where_no_metric_says_it(description, kind):
    assert signature([Symptom(description=description)], []).kind == kind


def test_a_failing_test_is_a_kind_where_nothing_says_more():
    said = Symptom(description="total is off by one")
    assert signature([said], [], tests=True).kind == "test"
    assert signature([said], []).kind == "other"
    assert signature([said], ["TypeError: no"], tests=True).kind == "test"
    assert signature([said], ["ImportError: no"], tests=True).kind == "import"


def test_a_contract_is_read_whole_its_evidence_first():
    request = MissionRequest(
        subsystem_id="mesh",
        severity=Severity.HIGH,
        symptoms=(Symptom(description="it fails with OSError"),),
        evidence=(
            Evidence(
                kind="log",
                excerpt="shop.tax.RateError: no rate",
                sha256="0" * 64,
                at=datetime(2026, 11, 22, tzinfo=UTC),
                source="ci",
            ),
            Evidence(
                kind="log",
                uri="https://logs.test/1",
                sha256="0" * 64,
                at=datetime(2026, 11, 22, tzinfo=UTC),
                source="ci",
            ),
        ),
        acceptance_criteria=AcceptanceCriteria(must_pass_tests=("test_tax",)),
    )
    assert signature_of(request).error == "RateError"


def test_a_kind_alone_tells_nothing_of_likeness():
    assert not Signature(kind="other").telling
    assert Signature(kind="latency", family="latency").telling


@pytest.mark.parametrize("metric", ["a._ms", "a._p95_ms", "x.ms", "_total", None])
@pytest.mark.parametrize("text", ["AéError: x", "pkg.ÅÄError", "KeyError", ""])
def test_whatever_strangers_write_has_a_signature(metric, text):
    symptom = Symptom.model_construct(description="d", metric_id=metric)
    found = signature([symptom], [text])
    assert read_signature(str(found)) == found


@pytest.mark.parametrize("wrong", ["", "latency", "a/b", "a/b/c/d", "a/b/c d"])
def test_what_is_no_signature_is_not_read(wrong):
    with pytest.raises(ValueError, match=r"signature|pattern"):
        read_signature(wrong)
