"""The error of a compare-and-swap that comes too late."""


class StaleState(Exception):
    """The object is in a state that does not allow this action. The API answers it with HTTP 409."""

    def __init__(self, noun: str, *, verb: str, status: str) -> None:
        self.noun, self.verb, self.status = noun, verb, status
        super().__init__(f"This {noun} is {status.replace('_', ' ')}: it cannot be {verb}.")
