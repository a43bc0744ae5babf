"""What a snippet is: one or more small files that name the exported ones, and how to run them."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from exports.formats import FormatOptions

Language = Literal["python", "yaml", "json", "shell"]


@dataclass(frozen=True, kw_only=True)
class Export:
    """What was exported. `files`: split to the name of its file; a file without a split is "train". `model`: the one to be trained.

    `max_tokens`: the limit of a conversation that pre-flight was given.
    """

    format: str
    files: Mapping[str, str]
    options: FormatOptions = field(default_factory=FormatOptions)
    max_tokens: int = 4_096
    model: str = "Qwen/Qwen3-4B-Instruct-2507"

    @property
    def train(self) -> str:
        return self.files["train"]

    @property
    def validation(self) -> str | None:
        return self.files.get("validation")


@dataclass(frozen=True, slots=True)
class SnippetFile:
    """`name`: under which to save it; empty for commands to type."""

    name: str
    language: Language
    text: str


@dataclass(frozen=True, slots=True)
class Snippet:
    """`note`: what to know before running it, in plain words."""

    trainer: str
    label: str
    note: str
    files: tuple[SnippetFile, ...]


def quote(text: str) -> str:
    """A text in quotation marks, for Python, YAML and JSON alike."""
    return json.dumps(text)


def join_lines(lines: Sequence[str | None]) -> str:
    """The lines that there are, each with its end."""
    return "".join(f"{line}\n" for line in lines if line is not None)


def make_command(*words: str | None) -> str:
    """A command of the shell, each word quoted where it must be, with an option a line."""
    given = [word for word in words if word is not None]
    breaks = [" \\\n  " if word.startswith("--") else " " for word in given]
    return "".join(before + shlex.quote(word) for before, word in zip(breaks, given, strict=True)).strip()
