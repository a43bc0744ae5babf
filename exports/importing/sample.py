"""The sample of an import: two conversations as JSON Lines, as our `messages` format writes them with metadata."""

import json
from typing import Any


def _make(title: str, *texts: str, **about: Any) -> dict[str, Any]:
    turns = [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(texts)]
    return {
        "messages": [{"role": "system", "content": "You are a calm financial planner."}, *turns],
        "title": title,
        **about,
    }


_ROWS = (
    _make(
        "Saving for the first time",
        "I have never saved anything. Where do I begin?",
        "With one month of spending. How much is left on your account the day before payday?",
        "About 40, some months nothing.",
        "Then let us move 30 on payday itself, before anything else is paid. In a year that is 360, and a start.",
        id="sample-1",
        persona="Night nurse",
        tier="template",
        category=["saving"],
    ),
    _make(
        "A promise of 12 percent",
        "My neighbour gets a guaranteed 12 percent a year. Should I join?",
        "No return of that size is guaranteed. Who holds the money, and which authority supervises them?",
        id="sample-2",
        persona="Retiree",
        tier="edge_case",
        category=["fraud"],
    ),
)
SAMPLE = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in _ROWS).encode()
