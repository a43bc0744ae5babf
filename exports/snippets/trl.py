"""TRL: SFT, DPO and KTO with a LoRA."""

from exports.snippets.snippet import Export, Snippet, SnippetFile, join_lines, quote

FORMATS = ("messages", "parquet", "folder", "prompt_completion", "preference", "kto")
NOTE = "pip install trl peft datasets. Only answers are learned: of all turns for messages, the last one otherwise."
_TRAINERS = {"preference": "DPO", "kto": "KTO"}


def build(export: Export) -> Snippet:
    kind = _TRAINERS.get(export.format, "SFT")
    # prompt_completion learns the completion by itself. DPO and KTO have no such choice.
    answers_only = kind == "SFT" and export.format != "prompt_completion"
    evaluated = export.format == "folder" or export.validation is not None
    text = join_lines(
        [
            "from datasets import load_dataset",
            "from peft import LoraConfig",
            f"from trl import {kind}Config, {kind}Trainer",
            "",
            *_load(export),
            f"trainer = {kind}Trainer(",
            f"    model={quote(export.model)},",
            f"    args={kind}Config(",
            '        output_dir="lora",',
            f"        max_length={export.max_tokens},",
            "        assistant_only_loss=True," if answers_only else None,
            "    ),",
            '    train_dataset=data["train"],',
            '    eval_dataset=data.get("validation"),' if evaluated else None,
            '    peft_config=LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear"),',
            ")",
            "trainer.train()",
            "trainer.save_model()",
        ]
    )
    return Snippet("trl", "TRL", NOTE, (SnippetFile("train.py", "python", text),))


def _load(export: Export) -> list[str]:
    if export.format == "folder":
        return ["# Unpack the ZIP into this folder first.", 'data = load_dataset("dataset")', ""]
    kind = "parquet" if export.format == "parquet" else "json"
    files = [f"    {quote(split)}: {quote(name)}," for split, name in export.files.items()]
    return ["files = {", *files, "}", f'data = load_dataset("{kind}", data_files=files)', ""]
