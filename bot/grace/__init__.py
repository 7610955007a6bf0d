"""Grace Mission Control: from an issue to a governed merge, and back when it went wrong."""

__version__ = "0.1.0"
