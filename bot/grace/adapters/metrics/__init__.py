"""Where samples come from: Prometheus text pages and the Prometheus HTTP API."""

from grace.adapters.metrics.http import HttpMetrics, Limits

__all__ = ["HttpMetrics", "Limits"]
