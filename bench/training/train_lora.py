"""Trains a LoRA from our exports with TRL and peft, and reads every format back with `datasets`: `python -m bench.training.train_lora`.

It needs an environment of its own, which has nothing of the application's:

    python3 -m venv train && train/bin/pip install -r requirements-trainers.txt
    train/bin/python -m bench.training.train_lora            # made-up conversations, with texts that break naive writers
    train/bin/python -m bench.training.train_lora FILE       # train from an exported file of `messages`

The model is a random one of 100,000 parameters, so nothing is downloaded, and its tokenizer is made from the texts. Exit code 1 if a reader
returns other texts than were written, or the loss is not finite or does not fall.
"""

import argparse
import io
import json
import math
import os
import statistics
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Before the packages are imported: nothing is looked for on the network.
os.environ.update(
    HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", TOKENIZERS_PARALLELISM="false"
)

from datasets import load_dataset
from peft import LoraConfig
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed
from trl import SFTConfig, SFTTrainer

from exports.formats import FORMATS, Example, FormatOptions, Pair, Record, Turn
from exports.formats.hub import Card, choose_inner, write_folder

CONVERSATIONS = 64
ODD = (
    "line\nbreak\r\nand\ttab",
    "separators \u2028 \u2029 \x85",
    "\u05e9\u05dc\u05d5\u05dd \U0001f600 \ufeff",
    'quotes " and \\ and \\u2028',
    "2026-11-30",
    "A" * 1_000_000,
)
# ChatML. TRL finds the answers by the two tags.
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{% else %}{{ message['content'] + '<|im_end|>' }}"
    "{% endif %}{{ '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path, help="an exported file of messages JSONL")
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lorapipe-train-") as name:
        folder = Path(name)
        os.environ["HF_DATASETS_CACHE"] = str(folder / "cache")
        wrong = [] if options.file else check_readers(folder)
        path = options.file or write(folder, "messages", list(make_examples()))
        losses = train(path, folder, steps=options.steps)
    first, last = statistics.fmean(losses[:5]), statistics.fmean(losses[-5:])
    fine = not wrong and all(map(math.isfinite, losses)) and last < 0.9 * first
    print(
        json.dumps({"wrong": wrong, "first_loss": round(first, 4), "last_loss": round(last, 4), "fine": fine})
    )
    return 0 if fine else 1


def make_examples() -> Iterator[Example]:
    for at in range(CONVERSATIONS):
        topic = ("savings", "pensions", "taxes", "insurance")[at % 4]
        turns = (
            Turn("user", f"What about {topic}?"),
            Turn("assistant", f"Let us look at {topic} together, one step at a time."),
            Turn("user", f"Thank you. And more on {topic}?"),
            Turn("assistant", f"Gladly. There is a plan for {topic}, and it is yours."),
        )
        yield Example(f"c{at}", turns, "You are a planner.", {"tier": "template"}, label=at % 2 == 0)


def make_odd_examples() -> Iterator[Example]:
    for at, text in enumerate(ODD):
        yield Example(f"odd{at}", (Turn("user", text), Turn("assistant", text)), text, label=at % 2 == 0)


def check_readers(folder: Path) -> list[str]:
    """The names of the formats whose rows `datasets` does not return as they were written."""
    wrong = []
    for name, each in FORMATS.items():
        if not each.trains:
            continue
        records: list[Record] = [*make_examples(), *make_odd_examples()]
        if each.takes == "pairs":
            records = [
                Pair(one.id, one.turns, (*one.turns[:-1], Turn("assistant", "No.")))
                for one in make_examples()
            ]
        path = write(folder, name, records)
        found = read(path, folder)
        expected = read_expected(folder, name, records)
        print(f"{name}: {len(found)} rows, {'the same' if found == expected else 'OTHER'} texts")
        if found != expected:
            wrong.append(name)
    return wrong


def write(folder: Path, name: str, records: list[Record]) -> Path:
    """The file of these records. A dataset folder is unpacked, and its path given."""
    if FORMATS[name].folder:
        inner = write(folder, choose_inner(), records)
        archive = io.BytesIO()
        write_folder(archive, Card(name="Made up", splits={"train": len(records)}), {"train": inner})
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder / "dataset")
        return folder / "dataset"
    path = folder / f"{name}{FORMATS[name].suffix}"
    with path.open("wb") as stream:
        writer = FORMATS[name].open(stream, FormatOptions())
        for record in records:
            writer.write(record)
        writer.close()
    return path


def read(path: Path, folder: Path) -> list[Any]:
    """The rows as `datasets` gives them, without the nulls that it fills in."""
    cache = str(folder / "cache")
    if path.is_dir():
        rows = load_dataset(str(path), split="train", cache_dir=cache)
    else:
        kind = "parquet" if path.suffix == ".parquet" else "json"
        rows = load_dataset(kind, data_files=str(path), split="train", cache_dir=cache)
    return [_drop_nulls(row) for row in rows.to_list()]


def read_expected(folder: Path, name: str, records: list[Record]) -> list[Any]:
    """The rows by Python's own JSON; of Parquet and a folder those of messages, which they hold."""
    plain = "messages" if name in ("parquet", "folder") else name
    lines = write(folder, plain, records).read_bytes().split(b"\n")[:-1]
    return [json.loads(line) for line in lines]


def _drop_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _drop_nulls(each) for key, each in value.items() if each is not None}
    return [_drop_nulls(each) for each in value] if isinstance(value, list) else value


def train(path: Path, folder: Path, *, steps: int) -> list[float]:
    """The loss of each step."""
    set_seed(7)
    rows = load_dataset("json", data_files=str(path), split="train", cache_dir=str(folder / "cache"))
    tokenizer = make_tokenizer([message["content"] for row in rows for message in row["messages"]])
    trainer = SFTTrainer(
        model=make_model(tokenizer),
        args=SFTConfig(
            output_dir=str(folder / "lora"),
            max_steps=steps,
            per_device_train_batch_size=4,
            learning_rate=2e-2,
            lr_scheduler_type="constant",
            logging_steps=1,
            max_length=512,
            assistant_only_loss=True,
            gradient_checkpointing=False,
            save_strategy="no",
            report_to=[],
            use_cpu=True,
            bf16=False,
            disable_tqdm=True,
        ),
        train_dataset=rows,
        processing_class=tokenizer,
        # The model is random, so that adapters alone have nothing to build upon: the last layer is trained as well.
        peft_config=LoraConfig(
            task_type="CAUSAL_LM",
            r=16,
            lora_alpha=32,
            target_modules="all-linear",
            modules_to_save=["lm_head"],
        ),
    )
    trainer.train()
    return [float(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry]


def make_tokenizer(texts: list[str]) -> Any:
    found = Tokenizer(models.BPE())
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = decoders.ByteLevel()
    learning = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<pad>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    found.train_from_iterator(texts, learning)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=found, pad_token="<pad>", eos_token="<|im_end|>")
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def make_model(tokenizer: Any) -> Any:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )


if __name__ == "__main__":
    raise SystemExit(main())
