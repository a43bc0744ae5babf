"""The card of a dataset folder: its README.md, with the header that Hugging Face reads."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# Hugging Face's bands of rows.
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
LARGEST = "n>1M"


@dataclass(frozen=True, kw_only=True)
class Card:
    """`splits`: name to rows. `warning`: what stands first, for example that conversations are simulated. `license`: an identifier
    of Hugging Face; empty if nobody has chosen one. `notes`: further paragraphs of Markdown, for example on models, templates and terms.
    """

    name: str
    splits: Mapping[str, int]
    languages: Sequence[str] = ("en",)
    license: str = ""
    simulated: bool = False
    warning: str = ""
    notes: Sequence[str] = field(default_factory=tuple)


def build_card(card: Card, files: Mapping[str, str]) -> str:
    """README.md. `files`: the path of each split in the folder."""
    rows = [f"| {split} | {count} | `{files[split]}` |" for split, count in card.splits.items()]
    table = "\n".join(["| split | rows | file |", "|---|---|---|", *rows])
    how = "Each row has `messages`, a list of `role` and `content`: system, user and assistant."
    heading = f"# {' '.join(card.name.split())}"
    parts = [*([f"**{card.warning}**"] if card.warning else []), how, table, *card.notes]
    return f"{_build_header(card, files)}\n{heading}\n\n" + "\n\n".join(parts) + "\n"


def choose_size(rows: int) -> str:
    return next((name for bound, name in SIZES if rows < bound), LARGEST)


def _build_header(card: Card, files: Mapping[str, str]) -> str:
    """YAML. Texts are written as JSON, which is YAML as well, so that no name can break it."""
    tags = ["synthetic", "conversational", *(["simulated"] if card.simulated else [])]
    lines = ["---", f"pretty_name: {json.dumps(card.name)}"]
    lines += [f"license: {json.dumps(card.license)}"] if card.license else []
    lines += _list("language", card.languages)
    lines += _list("task_categories", ["text-generation"])
    lines += _list("size_categories", [choose_size(sum(card.splits.values()))])
    lines += _list("tags", tags)
    lines += ["configs:", "- config_name: default", "  data_files:"]
    for split in card.splits:
        lines += [f"  - split: {split}", f"    path: {files[split]}"]
    return "\n".join([*lines, "---", ""])


def _list(name: str, values: Sequence[str]) -> list[str]:
    return [f"{name}:", *(f"- {json.dumps(value)}" for value in values)]
