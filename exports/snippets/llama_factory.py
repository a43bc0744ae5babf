"""LLaMA-Factory: the description of the data set, and the training.

Messages are described as ShareGPT with other names: its own reader of OpenAI's format adds a line to each system prompt.
"""

import json
from typing import Any

from exports.snippets.snippet import Export, Snippet, SnippetFile, join_lines, quote

FORMATS = ("messages", "sharegpt", "alpaca")
NOTE = (
    "Put both files beside the exported ones and run: llamafactory-cli train llama_factory.yaml. "
    "The template must be that of your model."
)
_ROLES = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}


def build(export: Export) -> Snippet:
    named = {f"conversations_{split}": name for split, name in export.files.items()}
    described = {name: {"file_name": file, **_describe(export)} for name, file in named.items()}
    text = join_lines(
        [
            f"model_name_or_path: {quote(export.model)}",
            "template: qwen3_nothink",
            "stage: sft",
            "do_train: true",
            "finetuning_type: lora",
            "lora_target: all",
            "dataset_dir: .",
            "dataset: conversations_train",
            "eval_dataset: conversations_validation" if export.validation else None,
            "eval_strategy: epoch" if export.validation else None,
            "mask_history: true" if export.format == "alpaca" else None,
            f"cutoff_len: {export.max_tokens}",
            "per_device_train_batch_size: 1",
            "gradient_accumulation_steps: 8",
            "num_train_epochs: 3",
            "learning_rate: 0.0001",
            "output_dir: lora",
        ]
    )
    files = (
        SnippetFile("dataset_info.json", "json", json.dumps(described, indent=2) + "\n"),
        SnippetFile("llama_factory.yaml", "yaml", text),
    )
    return Snippet("llama_factory", "LLaMA-Factory", NOTE, files)


def _describe(export: Export) -> dict[str, Any]:
    if export.format == "alpaca":
        system = {"system": "system"} if export.options.system else {}
        columns = {"prompt": "instruction", "query": "input", "response": "output", "history": "history"}
        return {"formatting": "alpaca", "columns": {**columns, **system}}
    if export.format == "sharegpt":
        return {"formatting": "sharegpt", "columns": {"messages": "conversations"}}
    return {"formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": _ROLES}
