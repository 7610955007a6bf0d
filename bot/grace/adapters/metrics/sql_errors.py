"""The error of a database that was asked."""


class Unanswered(Exception):
    """A database gave no rows; the message says why, without its address."""
