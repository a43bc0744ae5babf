"""Tells whether a model was called since a day. The app that keeps the log of calls registers a function that knows."""

from collections.abc import Callable, Collection
from datetime import date

CallLog = Callable[[Collection[str], date], bool]
_call_logs: list[CallLog] = []


def register_call_log(was_called: CallLog) -> None:
    """Register a function that tells whether one of these models was called on that day or later."""
    if was_called not in _call_logs:
        _call_logs.append(was_called)


def was_called_since(models: Collection[str], day: date) -> bool:
    """Whether a call of one of these models was made on that day or later."""
    return any(was_called(models, day) for was_called in _call_logs)
