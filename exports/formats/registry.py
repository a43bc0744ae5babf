"""The formats by name, with what a page says about each."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Literal

from exports.formats import (
    alpaca,
    decisions,
    messages,
    parquet,
    per_turn,
    preference,
    prompt_completion,
    sharegpt,
)
from exports.formats.json_array import JsonWriter
from exports.formats.markdown import MarkdownWriter
from exports.formats.parquet import ParquetWriter
from exports.formats.records import ExportError
from exports.formats.table import CsvWriter
from exports.formats.writing import FormatOptions, JsonLinesWriter, MakeRows, Writer

Takes = Literal["examples", "pairs", "decisions"]
JSONL = "application/jsonl; charset=utf-8"


def _always() -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Format:
    """`label` and `hint`: plain words for a page. `suffix`: with its dot. `takes`: which records its writer is given:
    "examples" (Example), "decisions" (Example with `label`) or "pairs" (Pair). `train_flags`: the names that
    `FormatOptions.train_flags` may have. `trains`: whether a trainer reads it.

    `folder`: a file of this format is a zip of one file for each split, see `exports.formats.hub`; `open` is not for it.
    """

    name: str
    label: str
    hint: str
    suffix: str
    content_type: str
    make_writer: Callable[[BinaryIO, FormatOptions], Writer] | None
    takes: Takes = "examples"
    train_flags: tuple[str, ...] = ()
    trains: bool = True
    folder: bool = False
    is_available: Callable[[], bool] = _always
    install: str = ""

    @property
    def missing(self) -> str:
        """How to install what this format needs, in a sentence; empty if nothing is missing."""
        return "" if self.is_available() else self.install

    def open(self, stream: BinaryIO, options: FormatOptions | None = None) -> Writer:
        """A writer to this stream. Raises MissingPackage, or ExportError for options that the format does not have."""
        options = options or FormatOptions()
        if options.train_flags and options.train_flags not in self.train_flags:
            raise ExportError(f"{self.label} has no flag “{options.train_flags}”; choose another, or none.")
        if self.make_writer is None:
            raise ExportError(f"{self.label} is a folder of files, which are written one by one.")
        return self.make_writer(stream, options)


def _lines(name: str, label: str, hint: str, make_rows: MakeRows, *, takes: Takes = "examples") -> Format:
    writer = partial(JsonLinesWriter, make_rows=make_rows)
    flags = tuple(messages.TRAIN_FLAGS) if name == "messages" else ()
    return Format(
        name=name,
        label=label,
        hint=hint,
        suffix=".jsonl",
        content_type=JSONL,
        make_writer=writer,
        takes=takes,
        train_flags=flags,
    )


_ALL = (
    _lines(
        "messages",
        "Messages (JSONL)",
        "One conversation a line, as OpenAI defined it. TRL, Axolotl, mlx-lm, ms-swift, Tinker and LLaMA-Factory take it.",
        messages.make_rows,
    ),
    _lines(
        "prompt_completion",
        "Prompt and completion (JSONL)",
        "For TRL. Only the last answer of a conversation is learned.",
        prompt_completion.make_rows,
    ),
    _lines(
        "per_turn",
        "Messages, a row for each answer (JSONL)",
        "For trainers that learn only the last message of a row, such as mlx-lm with --mask-prompt.",
        per_turn.make_rows,
    ),
    _lines(
        "preference",
        "Preference pairs (JSONL)",
        "For DPO with TRL: an approved answer and another one to the same conversation.",
        preference.make_rows,
        takes="pairs",
    ),
    _lines(
        "kto",
        "Decisions as labels (JSONL)",
        "For KTO with TRL: what was approved and what was rejected.",
        decisions.make_rows,
        takes="decisions",
    ),
    _lines("sharegpt", "ShareGPT (JSONL)", "For LLaMA-Factory, Unsloth and Axolotl.", sharegpt.make_rows),
    _lines(
        "alpaca",
        "Alpaca (JSONL)",
        "For LLaMA-Factory: a row for each question and answer, with the conversation before as its history.",
        alpaca.make_rows,
    ),
    Format(
        name="json",
        label="JSON",
        hint="One array with all that is known about each conversation, for programs of your own.",
        suffix=".json",
        content_type="application/json",
        make_writer=JsonWriter,
        trains=False,
    ),
    Format(
        name="csv",
        label="CSV",
        hint="A row for each turn, for spreadsheets. Texts that look like formulas begin with an apostrophe.",
        suffix=".csv",
        content_type="text/csv; charset=utf-8",
        make_writer=CsvWriter,
        trains=False,
    ),
    Format(
        name="markdown",
        label="Markdown",
        hint="A document to read.",
        suffix=".md",
        content_type="text/markdown; charset=utf-8",
        make_writer=MarkdownWriter,
        trains=False,
    ),
    Format(
        name="parquet",
        label="Parquet",
        hint="The same rows as Messages in columns, smaller, for datasets and TRL.",
        suffix=".parquet",
        content_type="application/vnd.apache.parquet",
        make_writer=ParquetWriter,
        train_flags=tuple(messages.TRAIN_FLAGS),
        is_available=parquet.is_available,
        install=parquet.INSTALL,
    ),
    Format(
        name="folder",
        label="Dataset folder of Hugging Face (ZIP)",
        hint="A file for each split and a card, ready for load_dataset or an upload to the Hub.",
        suffix=".zip",
        content_type="application/zip",
        make_writer=None,
        train_flags=tuple(messages.TRAIN_FLAGS),
        folder=True,
    ),
)
FORMATS: dict[str, Format] = {each.name: each for each in _ALL}
