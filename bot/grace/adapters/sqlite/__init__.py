"""The store in one SQLite file: WAL, one process, one writer thread with group commit."""
