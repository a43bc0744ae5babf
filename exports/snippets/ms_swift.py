"""ms-swift: one command. LoRA is what it does by default."""

from exports.snippets.snippet import Export, Snippet, SnippetFile, join_lines, make_command

FORMATS = ("messages",)
NOTE = "pip install ms-swift. Answers are learned; the flag “loss” at a message leaves one out."


def build(export: Export) -> Snippet:
    command = make_command(
        *("swift", "sft"),
        *("--model", export.model),
        *("--dataset", export.train),
        *(("--val_dataset", export.validation) if export.validation else ()),
        *("--max_length", str(export.max_tokens)),
        *("--output_dir", "lora"),
    )
    return Snippet("ms_swift", "ms-swift", NOTE, (SnippetFile("", "shell", join_lines([command])),))
