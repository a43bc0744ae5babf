"""Each snippet is valid in its language, and names the exported files and nothing else that is missing."""

import ast
import json
import shlex
from typing import Any

import pytest
import yaml

from exports.formats import FORMATS, FormatOptions
from exports.formats.messages import TRAIN_FLAGS
from exports.snippets import TRAINERS, Export, SnippetFile, build_snippets

PLAIN = {
    "train": "retirement-train.jsonl",
    "validation": "retirement-validation.jsonl",
    "test": "retirement-test.jsonl",
}
ODD = {split: f'it\'s "{split}": #1 --x $(y) ü.jsonl' for split in PLAIN}
FILES: list[dict[str, str]] = [PLAIN, ODD, {"train": "all.jsonl"}]
TAKEN = {
    "messages": ["trl", "axolotl", "llama_factory", "mlx_lm", "ms_swift", "tinker"],
    "per_turn": ["mlx_lm"],
    "prompt_completion": ["trl"],
    "preference": ["trl"],
    "kto": ["trl"],
    "sharegpt": ["axolotl", "llama_factory", "unsloth"],
    "alpaca": ["llama_factory"],
    "parquet": ["trl", "axolotl"],
    "folder": ["trl"],
    "json": [],
    "csv": [],
    "markdown": [],
}


def parse(file: SnippetFile) -> Any:
    if file.language == "python":
        return ast.parse(file.text)
    if file.language == "yaml":
        return yaml.safe_load(file.text)
    if file.language == "json":
        return json.loads(file.text)
    return shlex.split(file.text.replace("\\\n", " "), comments=True)


def collect_texts(parsed: Any) -> set[str]:
    if isinstance(parsed, ast.AST):
        nodes = ast.walk(parsed)
        return {
            node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    if isinstance(parsed, dict):
        return {text for value in parsed.values() for text in collect_texts(value)}
    if isinstance(parsed, list):
        return {text for value in parsed for text in collect_texts(value)}
    return {parsed} if isinstance(parsed, str) else set()


def build(name: str, **fields: Any) -> dict[str, dict[str, Any]]:
    """Trainer to what its files hold: by their names, or their language where they have none."""
    found = build_snippets(Export(**{"format": name, "files": PLAIN, **fields}))
    return {each.trainer: {file.name or file.language: parse(file) for file in each.files} for each in found}


def test_every_format_is_in_the_table_and_every_trainer_has_one() -> None:
    assert TAKEN.keys() == FORMATS.keys()
    assert {trainer for each in TAKEN.values() for trainer in each} == {
        trainer.__name__.rpartition(".")[2] for trainer in TRAINERS
    }


@pytest.mark.parametrize("name", TAKEN)
@pytest.mark.parametrize("files", FILES, ids=["plain", "odd names", "no split"])
def test_snippets_are_valid_and_name_the_file(name: str, files: dict[str, str]) -> None:
    found = build(name, files=files)
    assert list(found) == TAKEN[name]
    for trainer, parsed in found.items():
        texts = {text for each in parsed.values() for text in collect_texts(each)}
        if name != "folder":
            assert files["train"] in texts, trainer
        if trainer not in ("tinker",) and name != "folder" and "validation" in files:
            assert files["validation"] in texts, trainer


@pytest.mark.parametrize("flag", [None, *TRAIN_FLAGS])
def test_the_flag_of_training_is_named_where_its_trainer_reads_it(flag: str | None) -> None:
    found = build("messages", options=FormatOptions(train_flags=flag))
    [data] = found["axolotl"]["axolotl.yaml"]["datasets"]
    assert data.get("message_field_training") == ("training" if flag == "training" else None)
    attributes = {
        node.attr for node in ast.walk(found["tinker"]["train.py"]) if isinstance(node, ast.Attribute)
    }
    assert ("CUSTOMIZED" in attributes) == (flag == "trainable")


def test_axolotl_is_never_told_the_type_that_it_refuses() -> None:
    for name in ("messages", "sharegpt"):
        config = build(name)["axolotl"]["axolotl.yaml"]
        for each in (*config["datasets"], *config["test_datasets"]):
            assert each["type"] == "chat_template"
    assert config["datasets"][0]["field_messages"] == "conversations"
    assert config["datasets"][0]["message_property_mappings"] == {"role": "from", "content": "value"}


def test_llama_factory_reads_messages_as_sharegpt_and_masks_the_history_of_alpaca() -> None:
    info = build("messages")["llama_factory"]["dataset_info.json"]
    assert {each["formatting"] for each in info.values()} == {"sharegpt"}
    assert info["conversations_train"]["tags"]["role_tag"] == "role"
    alpaca = build("alpaca", options=FormatOptions(system=False))["llama_factory"]
    assert alpaca["llama_factory.yaml"]["mask_history"] is True
    assert "system" not in alpaca["dataset_info.json"]["conversations_train"]["columns"]
    assert alpaca["llama_factory.yaml"]["dataset"] in alpaca["dataset_info.json"]


def test_mlx_masks_the_prompt_only_where_each_answer_has_a_row() -> None:
    assert "--mask-prompt" in build("per_turn")["mlx_lm"]["shell"]
    assert "--mask-prompt" not in build("messages")["mlx_lm"]["shell"]
    assert "data/valid.jsonl" in build("messages")["mlx_lm"]["shell"]


@pytest.mark.parametrize("name", [name for name, trainers in TAKEN.items() if trainers])
def test_the_limit_of_tokens_and_the_model_are_those_of_the_export(name: str) -> None:
    for snippet in build_snippets(Export(format=name, files=PLAIN, max_tokens=1_234, model="me/my-model")):
        text = "".join(file.text for file in snippet.files)
        assert "1234" in text
        assert "me/my-model" in text
        assert snippet.note.endswith(".")
