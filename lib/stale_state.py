"""The error of a compare-and-swap that comes too late."""


class StaleState(Exception):
    """The object is in a state that does not allow this action. The API answers it with HTTP 409."""

    def __init__(self, noun: str, *, verb: str, status: str) -> None:
        self.noun, self.verb, self.status = noun, verb, status
        super().__init__(f"This {noun} is {status.replace('_', ' ')}: it cannot be {verb}.")


class StaleRevision(StaleState):
    """The object has been changed since the person read it, and is still in the same state."""

    def __init__(self, noun: str) -> None:
        self.noun, self.verb, self.status = noun, "changed", "changed"
        Exception.__init__(
            self, f"Somebody has changed this {noun} since you opened it. Read it again, then decide."
        )


class Superseded(StaleState):
    """A newer version has replaced the object."""

    def __init__(self, noun: str) -> None:
        self.noun, self.verb, self.status = noun, "changed", "superseded"
        Exception.__init__(
            self,
            f"A newer version has replaced this {noun}. Decide about the newest one, or bring this one back.",
        )
