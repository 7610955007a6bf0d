"""A small forge on bare git and SQLite that speaks the GitHub REST API, for demo and tests."""
