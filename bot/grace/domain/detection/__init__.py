"""Anomalies that nobody wrote an alert for: found point by point in samples. Pure."""
