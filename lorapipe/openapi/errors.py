"""The one shape of every error of the API, and which statuses an address may answer."""

from lib.api.operations import Operation
from lib.api.shapes import ANYTHING, TEXT, WHOLE, YES_OR_NO, ListOf, MapOf, Record

DETAIL = Record(
    row=WHOLE.or_null.means("Counts from 1."),
    column=TEXT.means("The field."),
    message=TEXT,
    templateId=TEXT.optional,
)
ERROR = Record(
    success=YES_OR_NO.like(False),
    error=TEXT.means("A sentence for people: what is wrong, and what helps."),
    code=TEXT.means("A word for programs."),
    details=ListOf(DETAIL).means("Every problem that was found, at most twenty."),
    current=MapOf(ANYTHING).optional.means("With 409: what it is now."),
    count=WHOLE.optional.means("With `count_changed`: how many it is now."),
    itemId=TEXT.optional,
    jobId=TEXT.optional,
).named("Error")
# By status: a code, what it means, and a sentence that is sent.
REASONS: dict[int, tuple[str, str, str]] = {
    400: (
        "invalid",
        "Something in the request is wrong; `details` names every problem.",
        "name: This field is required.",
    ),
    401: (
        "not_authenticated",
        "Nobody is signed in, or the token is unknown or revoked.",
        "Authentication credentials were not provided.",
    ),
    403: (
        "permission_denied",
        "Your role may see, but not do this.",
        "Your role in this workspace may see, but not do this.",
    ),
    404: (
        "not_found",
        "It is not there, or it belongs to somebody else.",
        "There is nothing here, or it belongs to somebody else.",
    ),
    406: (
        "not_acceptable",
        "The answer cannot be in the form that `Accept` asks for.",
        "Could not satisfy the request Accept header.",
    ),
    409: (
        "stale_state",
        "Its state, or somebody who was quicker, does not allow it.",
        "This batch is completed: it cannot be cancelled.",
    ),
    413: ("too_large", "The body is too large.", "The body is too large. Split it."),
    415: (
        "unsupported_media_type",
        "The body is no JSON.",
        'Unsupported media type "text/plain" in request.',
    ),
    422: (
        "unknown_price",
        "It can be read, and cannot be carried out.",
        "The price of this model is not known.",
    ),
    429: (
        "throttled",
        "Too many requests; `Retry-After` says when to come back.",
        "Too many requests. Try again in 12 seconds.",
    ),
    500: (
        "internal",
        "A fault of ours; it has been logged.",
        "Something went wrong here. It has been logged.",
    ),
    502: ("invalid_request", "The provider refused the call, or failed.", "The provider refused the call."),
    503: (
        "unavailable",
        "The database does not answer; `Retry-After` says when to come back.",
        "The database did not answer in time. Try again.",
    ),
}
ALWAYS = (400, 401, 406, 429, 500, 503)


def list_statuses(operation: Operation, *, in_path: bool) -> list[int]:
    """The errors that this operation may answer. `in_path`: its address names a row, which may not be there."""
    found = {*ALWAYS, *operation.errors}
    found |= {404} if in_path else set()
    found |= {413, 415} if operation.bodies or operation.takes_key else set()
    found |= {409} if operation.takes_key or operation.takes_match else set()
    return sorted(found)
