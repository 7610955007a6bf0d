"""Alert sources: Alertmanager, Grafana, Sentry, PagerDuty and any JSON, read into missions."""

from grace.adapters.alerts.alertmanager import read_alertmanager
from grace.adapters.alerts.doors import NAMED, Door, make_doors
from grace.adapters.alerts.signatures import Secrets, Unproven
from grace.adapters.alerts.told import AlertError, Call, Intake
from grace.adapters.alerts.words import SEVERITIES

__all__ = [
    "NAMED",
    "SEVERITIES",
    "AlertError",
    "Call",
    "Door",
    "Intake",
    "Secrets",
    "Unproven",
    "make_doors",
    "read_alertmanager",
]
