"""mlx-lm: a folder with train.jsonl, valid.jsonl and test.jsonl, and one command."""

import shlex

from exports.snippets.snippet import Export, Snippet, SnippetFile, join_lines, make_command

FORMATS = ("messages", "per_turn")
NOTES = {
    "messages": "For Macs: pip install mlx-lm. All turns are learned, the user's too. Export a row for each answer to learn the answers alone.",
    "per_turn": "For Macs: pip install mlx-lm. --mask-prompt learns the last answer of a row, and each answer has a row.",
}
_NAMES = {"train": "train.jsonl", "validation": "valid.jsonl", "test": "test.jsonl"}


def build(export: Export) -> Snippet:
    copied = [
        f"cp {shlex.quote(name)} data/{_NAMES[split]}"
        for split, name in export.files.items()
        if split in _NAMES
    ]
    command = make_command(
        "mlx_lm.lora",
        *("--model", export.model),
        "--train",
        *("--data", "data"),
        "--mask-prompt" if export.format == "per_turn" else None,
        *("--max-seq-length", str(export.max_tokens)),
        *("--adapter-path", "lora"),
    )
    text = join_lines(["mkdir -p data", *copied, command])
    return Snippet("mlx_lm", "mlx-lm", NOTES[export.format], (SnippetFile("", "shell", text),))
