"""Alerts from everywhere become few missions: grouping, storms, flapping, maintenance. Pure."""
