"""Alpaca: a row for each question and its answer, with what was said before as its history."""

from collections.abc import Iterable

from exports.formats.records import Example, refuse
from exports.formats.writing import FormatOptions, Row, check_turns, get_system


def make_rows(example: Example, options: FormatOptions) -> Iterable[Row]:
    """{"instruction": a question, "input": "", "output": its answer, "system": ..., "history": [[question, answer], ...]}.

    Raises ExportError unless questions and answers alternate. LLaMA-Factory trains the answers of the history as well, unless
    `mask_history` is set, as our snippet does. An answer that is not to be trained has no row of its own.
    """
    turns = check_turns(example).turns
    if [turn.role for turn in turns] != ["user", "assistant"] * (len(turns) // 2):
        refuse(example, "its turns do not alternate between a question and an answer, which Alpaca requires")
    pairs = list(zip(turns[::2], turns[1::2], strict=True))
    system = {"system": get_system(example, options)} if options.system else {}
    return [
        {
            "instruction": question.content,
            "input": "",
            "output": answer.content,
            **system,
            "history": [[one.content, other.content] for one, other in pairs[:at]],
        }
        for at, (question, answer) in enumerate(pairs)
        if answer.train
    ]
