"""The error of a confirmed number that is not true any more."""


class CountChanged(Exception):
    """An action finds another number of rows than the person confirmed. `count` is the number now; nothing was changed."""

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(
            f"It is {count:,} conversation{'' if count == 1 else 's'} now. Nothing was changed; look again, then confirm."
        )
