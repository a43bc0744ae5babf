"""What a reason or an error kind means to a person, and what can be done about it."""

from collections.abc import Mapping
from typing import NamedTuple

from batches.models.states import Reason


class ReasonText(NamedTuple):
    title: str
    advice: str


REASONS: Mapping[str, ReasonText] = {
    Reason.PERSON: ReasonText(
        "Paused", "Nothing new starts. What was in flight is finished and kept. Resume when you like."
    ),
    Reason.BUDGET: ReasonText(
        "Budget reached",
        "What is left of the budget does not cover the most that the next call can cost. What is finished is kept. Raise the "
        "budget to go on.",
    ),
    Reason.MONTH_BUDGET: ReasonText(
        "The month’s budget is used up",
        "What is left of this workspace’s budget for the month does not cover the most that the next call can cost. What is "
        "finished is kept. Raise the budget under Settings, or resume when the next month has begun.",
    ),
    Reason.ITEM_ERROR: ReasonText(
        "Stopped at an error",
        "An item failed, and this batch stops at the first one. Resume goes on with the others.",
    ),
    Reason.PROVIDER_AUTH: ReasonText(
        "The key was refused",
        "Claude did not accept the API key, so the batch stopped at once instead of failing item by item. "
        "Set a working ANTHROPIC_API_KEY, start LoRAPipe again, then resume.",
    ),
    Reason.PROVIDER_BILLING: ReasonText(
        "No credit left",
        "The provider's credit, budget or spend limit is used up. Add credit or raise the limit there, then resume.",
    ),
    Reason.MODEL: ReasonText(
        "The model cannot be used",
        "It is retired, or its price is not known, so no budget could be kept. Set ANTHROPIC_MODEL to a current one "
        "and start a new batch.",
    ),
    Reason.NOT_FOUND: ReasonText(
        "Model or address unknown",
        "The provider does not know the model or the address, so the batch stopped at once instead of failing item by item. "
        "Correct ANTHROPIC_MODEL (or the model of the template) or ANTHROPIC_BASE_URL, start LoRAPipe again, then resume.",
    ),
    Reason.REQUEST_REFUSED: ReasonText(
        "The provider refuses what every call sends",
        "Every other conversation would be refused for the same reason, so the batch stopped at once. The message says what "
        "to change. Resume then goes on with what is left.",
    ),
    Reason.REFUSALS: ReasonText(
        "Paused: the same refusal several times in a row",
        "The provider refused one call after the other in the same way, and nothing succeeded in between, so the batch "
        "does not go on by itself. Read what the provider said and repair the cause. Then resume, and try the failed ones again.",
    ),
    Reason.SYSTEMIC_WAIT: ReasonText(
        "The provider did not let anything through",
        "It asked to wait for an hour in all. Resume tries again.",
    ),
}

ERRORS: Mapping[str, ReasonText] = {
    "rate_limited": ReasonText("Rate limited", "Claude asked to slow down, again and again."),
    "overloaded": ReasonText("Claude overloaded", "Try again later."),
    "server_error": ReasonText("Error at the provider", "It came back on every attempt. Try again later."),
    "timeout": ReasonText("No answer in time", "Try again, or allow fewer tokens."),
    "connection": ReasonText("No connection", "Check the network between this machine and the provider."),
    "provider_auth": ReasonText("Key refused", "Check ANTHROPIC_API_KEY."),
    "provider_billing": ReasonText("No credit left", "Add credit at the provider."),
    "invalid_request": ReasonText("Request refused", "The provider did not accept the request and says why."),
    "not_found": ReasonText("Model or address unknown", "Check ANTHROPIC_MODEL and ANTHROPIC_BASE_URL."),
    "too_large": ReasonText("Request too large", "Shorten the values of this item."),
    "request_refused": ReasonText(
        "Part of the request refused", "The message names the setting or the ability of the model to change."
    ),
    "moderated": ReasonText(
        "Stopped by a content filter",
        "A filter of the provider stopped this prompt or its reply. Word the topic or its values differently.",
    ),
    "not_the_api": ReasonText(
        "A web page answered",
        "A proxy or another server answered. Check ANTHROPIC_BASE_URL and the way to it.",
    ),
    "context_window": ReasonText(
        "Too long for the model",
        "Shorten the values or the template, or choose a model with a larger context window.",
    ),
    "declined": ReasonText("Declined by the model", "The model refused this topic. Word it differently."),
    "refused": ReasonText("Declined by the model", "The model refused this topic. Word it differently."),
    "max_tokens": ReasonText("Reply cut off", "Allow more tokens, or ask for fewer turns."),
    "wrong_stop": ReasonText(
        "Ended in an unexpected way", "The reply did not end as a finished conversation does."
    ),
    "unreadable": ReasonText(
        "Reply not readable", "The replies were no conversation in the agreed form. They are kept in the log."
    ),
    "failed_check": ReasonText(
        "Reply failed a check", "For example wrong roles or an empty turn. The replies are kept in the log."
    ),
    "bad_characters": ReasonText("Unstorable characters", "The reply held characters that cannot be stored."),
    "deleted": ReasonText(
        "Its conversation was deleted", "There is nothing left that it could be a new version of."
    ),
    "crashed": ReasonText(
        "Worker crashed", "Three workers died with this item. Look at its values and at the worker's log."
    ),
    "internal": ReasonText(
        "Fault of LoRAPipe", "The reply is kept in the log; the worker's log has the details."
    ),
}


def find_error_text(kind: str) -> ReasonText:
    return ERRORS.get(kind) or ReasonText(kind.replace("_", " ").capitalize() or "Failed", "")
