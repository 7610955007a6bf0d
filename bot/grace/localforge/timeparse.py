"""Reading the times that callers send."""

from datetime import UTC, datetime

from grace.localforge.errors import invalid


def parse_time(text: str, resource: str, field: str = "date") -> datetime:
    """Return an ISO 8601 moment; 422 when it is none. Without an offset it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid(resource, field) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
