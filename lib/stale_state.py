"""The error of every compare-and-swap that comes too late."""


class StaleState(Exception):
    """The row is not in a state that this move may start from. Answered as HTTP 409."""

    def __init__(self, noun: str, *, verb: str, status: str) -> None:
        self.noun, self.verb, self.status = noun, verb, status
        super().__init__(f"This {noun} is {status.replace('_', ' ')}: it cannot be {verb}.")
