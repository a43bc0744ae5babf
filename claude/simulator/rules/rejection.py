"""The errors with which the simulator answers instead of a message."""

from typing import Any

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    409: "conflict_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    500: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class Rejection(Exception):
    """An HTTP error with the body of the real API. `code` fills `error.details.error_code`."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        retry_after: int | None = None,
        retry_after_ms: float | None = None,
        should_retry: bool | None = None,
    ):
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.retry_after = retry_after
        self.retry_after_ms = retry_after_ms
        self.should_retry = should_retry

    def headers(self) -> dict[str, str]:
        """The headers about trying again. Seconds are whole numbers, as in the API."""
        advice = {
            "retry-after": self.retry_after,
            "retry-after-ms": self.retry_after_ms,
            "x-should-retry": None if self.should_retry is None else str(self.should_retry).lower(),
        }
        return {name: str(value) for name, value in advice.items() if value is not None}

    def body(self, request_id: str) -> dict[str, Any]:
        error: dict[str, Any] = {"type": TYPES.get(self.status, "api_error"), "message": self.message}
        if self.code:
            error["details"] = {"error_code": self.code}
        return {"type": "error", "error": error, "request_id": request_id}


def invalid(message: str) -> Rejection:
    """A 400: the request is wrong."""
    return Rejection(400, message)
