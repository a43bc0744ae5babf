"""A conversation before it becomes JSON, so that it can still be changed."""

from dataclasses import dataclass, field


@dataclass
class Script:
    """`turns`: role and text of each."""

    title: str
    turns: list[tuple[str, str]] = field(default_factory=list)
