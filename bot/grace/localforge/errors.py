"""What the API refuses, in GitHub's words and status codes."""

from typing import Any

DOCS = "https://docs.github.com/rest"


class ApiError(Exception):
    """A refusal that becomes a JSON answer: `status` is the HTTP code, `errors` the details."""

    def __init__(
        self,
        status: int,
        message: str,
        errors: list[dict[str, Any]] | None = None,
        *,
        docs: str = DOCS,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.docs = docs
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """Return the JSON body as GitHub shapes it."""
        body: dict[str, Any] = {"message": self.message}
        if self.errors is not None:
            body["errors"] = self.errors
        return {**body, "documentation_url": self.docs, "status": str(self.status)}


def not_found() -> ApiError:
    """Answer for what is missing and for what the caller may not know of."""
    return ApiError(404, "Not Found")


def forbidden(message: str) -> ApiError:
    """Answer for a caller who is known and not allowed."""
    return ApiError(403, message)


def invalid(resource: str, field: str, code: str = "invalid", message: str = "") -> ApiError:
    """Answer for a body whose field is missing, malformed or clashes."""
    error = {"resource": resource, "field": field, "code": code}
    if message:
        error["message"] = message
    return ApiError(422, "Validation Failed", [error])


def unprocessable(message: str) -> ApiError:
    """Answer for a body that is well formed and cannot be carried out."""
    return ApiError(422, message)
