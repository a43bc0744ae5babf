"""Axolotl: one YAML file. It refuses `type: sharegpt`; ShareGPT is a chat template with other names."""

from exports.snippets.snippet import Export, Snippet, SnippetFile, join_lines, quote

FORMATS = ("messages", "sharegpt", "parquet")
NOTE = "Run: axolotl train axolotl.yaml. Only the assistant's turns are learned."


def build(export: Export) -> Snippet:
    validation = export.validation
    text = join_lines(
        [
            f"base_model: {quote(export.model)}",
            "chat_template: tokenizer_default",
            "datasets:",
            *_describe(export, export.train),
            "test_datasets:" if validation else None,
            *(_describe(export, validation, split="train") if validation else []),
            "adapter: lora",
            "lora_r: 16",
            "lora_alpha: 32",
            "lora_target_linear: true",
            f"sequence_len: {export.max_tokens}",
            "micro_batch_size: 1",
            "gradient_accumulation_steps: 8",
            "num_epochs: 3",
            "learning_rate: 0.0002",
            "optimizer: adamw_torch_fused",
            "lr_scheduler: cosine",
            "bf16: auto",
            "output_dir: ./lora",
        ]
    )
    return Snippet("axolotl", "Axolotl", NOTE, (SnippetFile("axolotl.yaml", "yaml", text),))


def _describe(export: Export, file: str, *, split: str | None = None) -> list[str]:
    lines = [
        f"  - path: {quote(file)}",
        f"    ds_type: {'parquet' if export.format == 'parquet' else 'json'}",
        "    type: chat_template",
    ]
    if split:
        lines.append(f"    split: {split}")
    if export.format == "sharegpt":
        lines += [
            "    field_messages: conversations",
            "    message_property_mappings:",
            "      role: from",
            "      content: value",
        ]
    if export.options.train_flags == "training":
        lines.append("    message_field_training: training")
    return lines
