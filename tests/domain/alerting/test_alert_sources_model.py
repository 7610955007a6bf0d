"""What `alert_sources.yaml` may say."""

import pytest
from pydantic import ValidationError

from grace.domain.alerting.sources import AlertSources, CustomSource, HmacAuth
from grace.domain.phase import Severity

CUSTOM = {
    "auth": {"kind": "bearer", "secret_env": "KEY"},
    "fields": {"fingerprint": "id", "title": "name", "subsystem": "'mesh'"},
}


def test_named_sources_need_nothing():
    sources = AlertSources()
    assert sources.alertmanager.subsystem_labels == ("subsystem_id", "subsystem")
    assert sources.pagerduty.subsystem_labels[0] == "service_id"
    assert sources.sentry.issues is False
    assert sources.custom == {}


def test_values_keep_their_kind():
    source = CustomSource.model_validate(CUSTOM | {"firing": [0, "down", False, 1.5]})
    assert [type(v) for v in source.firing] == [int, str, bool, float]


@pytest.mark.parametrize(
    "wrong",
    [
        {"custom": {"a b": CUSTOM}},
        {"custom": {"a": CUSTOM | {"auth": {"kind": "none"}}}},
        {"custom": {"a": CUSTOM | {"auth": {"kind": "bearer", "secret_env": "not-a-name"}}}},
        {"custom": {"a": CUSTOM | {"fields": {"fingerprint": "id"}}}},
        {"sentry": {"severities": {"p1": "worst"}}},
        {"grafana": {"timestamp_header": "X When"}},
        {"alertmanager": {"subsystem_labels": []}},
        {"nagios": {}},
    ],
)
def test_what_is_wrong_is_refused(wrong):
    with pytest.raises(ValidationError):
        AlertSources.model_validate(wrong)


def test_words_become_severities():
    sources = AlertSources.model_validate({"pagerduty": {"severities": {"SEV-2": "high"}}})
    assert sources.pagerduty.severities == {"SEV-2": Severity.HIGH}
    auth = HmacAuth(kind="hmac", secret_env="KEY", header="X-Sign")
    assert (auth.algorithm, auth.encoding, auth.prefix) == ("sha256", "hex", "")
