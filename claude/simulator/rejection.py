"""What the simulator answers when it does not answer with a message."""

from typing import Any

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


class Rejection(Exception):
    """An HTTP error with the body of the real API. `code` fills `error.details.error_code`."""

    def __init__(self, status: int, message: str, *, code: str | None = None, retry_after: int | None = None):
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.retry_after = retry_after

    def body(self, request_id: str) -> dict[str, Any]:
        error: dict[str, Any] = {"type": TYPES.get(self.status, "api_error"), "message": self.message}
        if self.code:
            error["details"] = {"error_code": self.code}
        return {"type": "error", "error": error, "request_id": request_id}


def invalid(message: str) -> Rejection:
    """400, the request is at fault."""
    return Rejection(400, message)
