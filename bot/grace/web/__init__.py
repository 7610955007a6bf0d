"""Hooks, CI reports, alerts and health over HTTP."""
