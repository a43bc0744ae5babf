"""The numbers of a batch's live page, as a reader sees them."""

import re
from typing import NamedTuple


class Numbers(NamedTuple):
    """Finished items: by the progress bar, the chips, the conversations of the menu with the failed ones, and by tier."""

    progress: int
    chips: int
    menu: int
    tiers: int

    @property
    def agree(self) -> bool:
        return len(set(self)) == 1


def read_numbers(html: str) -> Numbers:
    """The four numbers of a page or of an answer that updates all of it. Only this batch may have conversations."""
    failed = _chip(html, "failed")
    by_tier = re.findall(r'<span class="n">([\d,]+) of [\d,]+</span>', html)
    return Numbers(
        progress=_one(html, r'<p class="big">\s*<strong>([\d,]+)</strong>'),
        chips=_chip(html, "completed") + failed,
        menu=_one(html, r'id="side-count"[^>]*>([\d,]+)') + failed,
        tiers=sum(_number(each) for each in by_tier),
    )


def _chip(html: str, name: str) -> int:
    found = re.search(rf'id="show-{name}".*?<span class="num">([\d,]+)</span>', html, re.DOTALL)
    return _number(found[1]) if found else 0


def _one(html: str, pattern: str) -> int:
    found = re.search(pattern, html)
    assert found, f"{pattern} is not on the page"
    return _number(found[1])


def _number(text: str) -> int:
    return int(text.replace(",", ""))
