"""The error of a database that was asked."""


class Unanswered(Exception):
    """A database gave no rows.

    The message says why, without its address and without what PostgreSQL says in its own words,
    which may quote what is stored.
    """
