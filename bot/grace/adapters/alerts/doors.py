"""The doors of all alert sources: how each proves itself, and how it is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from grace.adapters.alerts.alertmanager import read_alertmanager
from grace.adapters.alerts.custom import CustomReader, prove_custom
from grace.adapters.alerts.grafana import prove_grafana, read_grafana
from grace.adapters.alerts.pagerduty import prove_pagerduty, read_pagerduty
from grace.adapters.alerts.sentry import prove_sentry, read_sentry
from grace.adapters.alerts.signatures import Secrets, check_token
from grace.adapters.alerts.told import Call, Intake
from grace.domain.alerting.sources import AlertSources
from grace.domain.policy import Policy

NAMED: Final = ("alertmanager", "grafana", "sentry", "pagerduty")


@dataclass(frozen=True, slots=True)
class Door:
    """One source.

    `prove` raises `Unproven`, `read` raises `AlertError`. `patient`: what is wrong with its alerts
    is not answered as an error, since the source would stop sending altogether.
    """

    source: str
    prove: Callable[[Call], None]
    read: Callable[[Call, Policy], Intake]
    patient: bool = False


def make_doors(sources: AlertSources, secrets: Mapping[str, Secrets]) -> dict[str, Door]:
    """Open a door for each source that has a secret, by its name: `grafana`, `custom/NAME`."""
    named = {
        "alertmanager": Door(
            "alertmanager",
            lambda call: check_token(call.headers, secrets["alertmanager"]),
            lambda call, policy: read_alertmanager(call, sources.alertmanager, policy),
        ),
        "grafana": Door(
            "grafana",
            lambda call: prove_grafana(call, secrets["grafana"], sources.grafana),
            lambda call, policy: read_grafana(call, sources.grafana, policy),
        ),
        "sentry": Door(
            "sentry",
            lambda call: prove_sentry(call, secrets["sentry"]),
            lambda call, policy: read_sentry(call, sources.sentry, policy),
        ),
        "pagerduty": Door(
            "pagerduty",
            lambda call: prove_pagerduty(call, secrets["pagerduty"]),
            lambda call, policy: read_pagerduty(call, sources.pagerduty, policy),
            patient=True,
        ),
    }
    custom = {
        f"custom/{name}": Door(
            f"custom:{name}",
            partial(prove_custom, secrets=secrets[f"custom/{name}"], auth=config.auth),
            CustomReader(name, config).read,
        )
        for name, config in sources.custom.items()
        if f"custom/{name}" in secrets
    }
    return {name: door for name, door in named.items() if name in secrets} | custom
