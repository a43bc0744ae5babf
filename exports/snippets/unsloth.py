"""Unsloth: a script. It reads a column `conversations`, so it takes ShareGPT."""

from exports.snippets.snippet import Export, Snippet, SnippetFile, join_lines, quote

FORMATS = ("sharegpt",)
NOTE = (
    "pip install unsloth. The two parts are those of Qwen and other models with ChatML; for Llama 3 they are "
    "<|start_header_id|>user<|end_header_id|> and <|start_header_id|>assistant<|end_header_id|>."
)


def build(export: Export) -> Snippet:
    evaluated = export.validation is not None
    files = [f"    {quote(split)}: {quote(name)}," for split, name in export.files.items()]
    text = join_lines(
        [
            "from unsloth import FastLanguageModel  # first, because it changes the other packages",
            "from unsloth.chat_templates import standardize_data_formats, train_on_responses_only",
            "from datasets import load_dataset",
            "from trl import SFTConfig, SFTTrainer",
            "",
            "files = {",
            *files,
            "}",
            "model, tokenizer = FastLanguageModel.from_pretrained(",
            f"    {quote(export.model)}, max_seq_length={export.max_tokens}, load_in_4bit=True",
            ")",
            "model = FastLanguageModel.get_peft_model(model, r=16, lora_alpha=16)",
            "",
            "",
            "def render(rows):",
            '    found = [tokenizer.apply_chat_template(each, tokenize=False) for each in rows["conversations"]]',
            '    return {"text": found}',
            "",
            "",
            "def load(split):",
            '    rows = load_dataset("json", data_files=files[split], split="train")',
            "    return standardize_data_formats(rows).map(render, batched=True)",
            "",
            "",
            "trainer = SFTTrainer(",
            "    model=model,",
            "    processing_class=tokenizer,",
            '    train_dataset=load("train"),',
            '    eval_dataset=load("validation"),' if evaluated else None,
            f'    args=SFTConfig(output_dir="lora", dataset_text_field="text", max_length={export.max_tokens}),',
            ")",
            "trainer = train_on_responses_only(",
            "    trainer,",
            r'    instruction_part="<|im_start|>user\n",',
            r'    response_part="<|im_start|>assistant\n",',
            ")",
            "trainer.train()",
            'model.save_pretrained("lora")',
        ]
    )
    return Snippet("unsloth", "Unsloth", NOTE, (SnippetFile("train.py", "python", text),))
