"""How alike two texts are, and that alike ones share a band."""

import random

from conversations.quality.near_duplicates import BANDS, NEAR, compute_likeness, make_bands, make_shingles
from tests.conversations.quality.demo import write_demo

FIRST_BANDS = [1251078267, 1153990411, -981152467]
WORDS = [f"word{number}" for number in range(600)]


def change(words: list[str], count: int) -> list[str]:
    chance = random.Random(7)
    changed = list(words)
    for at in chance.sample(range(len(words)), count):
        changed[at] = "other"
    return changed


def test_the_bands_are_signed_numbers_of_32_bits_and_always_the_same() -> None:
    bands = make_bands(make_shingles(WORDS))
    assert len(bands) == BANDS
    assert all(-(2**31) <= each < 2**31 for each in bands)
    # Stored bands are compared with new ones: a change here needs a new SIGNATURE_VERSION.
    assert bands[:3] == FIRST_BANDS


def test_alike_texts_share_a_band_and_others_do_not() -> None:
    one, near = make_shingles(WORDS), make_shingles(change(WORDS, 12))
    other = make_shingles([f"else{number}" for number in range(600)])
    assert compute_likeness(one, near) > NEAR
    assert set(make_bands(one)) & set(make_bands(near))
    assert compute_likeness(one, other) == 0
    assert not set(make_bands(one)) & set(make_bands(other))


def test_short_and_empty_texts() -> None:
    assert make_bands(make_shingles([])) == []
    assert compute_likeness(set(), set()) == 0
    assert make_bands(make_shingles(["yes"])) == make_bands(make_shingles(["yes"]))
    assert make_shingles(["yes"]) != make_shingles(["no"])


def test_no_two_clean_conversations_of_the_demo_are_alike() -> None:
    shingles = [make_shingles(words) for words in write_demo()]
    pairs = [(one, two) for two in range(len(shingles)) for one in range(two)]
    assert len(shingles) == 90
    assert not [pair for pair in pairs if compute_likeness(shingles[pair[0]], shingles[pair[1]]) >= NEAR]
