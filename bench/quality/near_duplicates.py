"""How long it takes to compare a conversation with 100,000 others: `python -m bench.quality.near_duplicates [--rows N]`.

The others are written from the sentences of the planted set, which resemble one another more than conversations do in life. Some of
those that are compared have a near-duplicate, most have none. The goals are 5 ms in the median and 50 ms at worst for the lookup.
"""

import argparse
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any

from bench.support.database import start_own_database
from conversations.parsing import TurnDraft
from conversations.quality.near_duplicates import make_bands, read_shingles
from tests.conversations.quality.planted.copies import change_words
from tests.conversations.quality.planted.writing import TURNS, write_clean

LOOKUPS = 400
WRITTEN = 3_000
GOAL_MEDIAN_MS, GOAL_WORST_MS = 5.0, 50.0
COPY = """
COPY conversations (id, root_id, version, workspace_id, conversation_id, parent_type, title, persona, emotion, topic, intent, tone, tier, category,
                    language, parameters, status, status_before_archive, source, simulated, model, quality_metrics, flags, bands, turn_count,
                    total_tokens, reviewer_notes, error_message) FROM STDIN
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    with start_own_database():
        return measure(rows)


def measure(rows: int) -> int:
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    from conversations.comparison import find_candidates  # noqa: PLC0415
    from workspaces.models import User  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    workspace = User.objects.create_user("bench").personal_workspace().pk
    started = time.monotonic()
    kept = list(fill(connection, workspace, rows))
    print(f"{rows} conversations stored in {time.monotonic() - started:.0f} s")
    chance = random.Random(5)
    times, found = [], 0
    for number in range(LOOKUPS):
        copied = number % 4 == 0
        turns = change_words(chance.choice(kept), chance) if copied else write_clean(chance)
        bands = make_bands(join_shingles(turns))
        before = time.perf_counter()
        candidates = find_candidates(workspace, bands=bands, root=workspace)
        times.append((time.perf_counter() - before) * 1000)
        found += copied and bool(candidates)
    median, worst = statistics.median(times), max(times)
    print(
        f"lookup: median {median:.2f} ms, 99% {statistics.quantiles(times, n=100)[-1]:.2f} ms, worst {worst:.2f} ms"
    )
    print(f"{found} of {LOOKUPS // 4} copies have a candidate")
    return 0 if median < GOAL_MEDIAN_MS and worst < GOAL_WORST_MS else 1


def fill(connection: Any, workspace: Any, rows: int) -> Iterator[list[TurnDraft]]:
    """Store them with COPY; yields one in a hundred, to be copied. Their turns are drawn from those of `WRITTEN` conversations."""
    from uuid import uuid4  # noqa: PLC0415

    chance = random.Random(4)
    written = [write_clean(chance) for _ in range(WRITTEN)]
    shingles = [[read_shingles([turn]) for turn in turns] for turns in written]
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        # The index is made at the end, as an upgrade with that many rows would do it.
        cursor.execute("DROP INDEX conversation_bands")
        with cursor.copy(COPY) as copy:
            for number in range(rows):
                drawn = [chance.randrange(WRITTEN) for _ in range(TURNS)]
                bands = make_bands(set().union(*(shingles[each][at] for at, each in enumerate(drawn))))
                key = uuid4()
                words = (
                    "",
                    f"Number {number}",
                    "",
                    "",
                    "",
                    "",
                    "",
                    "template",
                    "{}",
                    "en",
                    "{}",
                    "generated",
                    "",
                )
                last = ("generated", True, "bench", "{}", "[]", bands, TURNS, 0, "", "")
                copy.write_row((key, key, 1, workspace, f"fp_bench_{number}", *words, *last))
                if number % 100 == 0:
                    yield [written[each][at] for at, each in enumerate(drawn)]
        cursor.execute(
            "CREATE INDEX conversation_bands ON conversations USING gin (bands) WITH (fastupdate = off)"
        )
        cursor.execute("VACUUM (ANALYZE) conversations")


def join_shingles(turns: Sequence[TurnDraft]) -> set[int]:
    """Without the shingles across two turns, as in the stored ones, so that making 100,000 takes a minute."""
    return set().union(*(read_shingles([turn]) for turn in turns))


if __name__ == "__main__":
    raise SystemExit(main())
