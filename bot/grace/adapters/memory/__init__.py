"""Asking memory: in SQLite beside the store, in PostgreSQL, and by vectors where there are any."""
