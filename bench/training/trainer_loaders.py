"""Reads our files by the loaders of LLaMA-Factory, Unsloth and mlx-lm, and compares the texts: `python -m bench.training.trainer_loaders`.

It runs in the environment of `bench.training.train_lora`, with what of these is wanted beside it:

    train/bin/pip install --no-deps llamafactory unsloth_zoo mlx-lm

Only the modules that read rows are imported, not the packages, which want a GPU, a Mac, or half a gigabyte more. A package that is not installed is
named and left out. Exit code 1 if a loader returns other texts than were written.
"""

import importlib
import importlib.util
import json
import sys
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from datasets import load_dataset

from bench.training.train_lora import make_examples, make_odd_examples, make_tokenizer, write
from exports.formats import Example, FormatOptions
from exports.snippets import Export, build_snippets

# Characters. A text of one megabyte in a single word takes a tokenizer minutes.
LONGEST = 10_000
Spoken = list[tuple[str, str]]


def main() -> int:
    odd = (each for each in make_odd_examples() if len(each.system) < LONGEST)
    records = [*make_examples(), *odd]
    expected = [_list_spoken(record) for record in records]
    right = True
    there = {package for _, package, _ in LOADERS if importlib.util.find_spec(package)}
    with tempfile.TemporaryDirectory(prefix="lorapipe-loaders-") as name:
        for title, package, read in LOADERS:
            if package not in there:
                print(f"{title}: not installed")
                continue
            same = read(Path(name), records) == expected
            right = right and same
            print(f"{title}: {'the same' if same else 'OTHER'} texts")
    return 0 if right else 1


def read_by_llama_factory(folder: Path, records: list[Example], *, form: str) -> list[Spoken]:
    """By its converter, described as our snippet describes the file."""
    converter = import_alone("llamafactory.data.converter")
    parser = import_alone("llamafactory.data.parser")
    path = write(folder, form, list(records))
    [snippet] = [
        each
        for each in build_snippets(Export(format=form, files={"train": path.name}, options=FormatOptions()))
        if each.trainer == "llama_factory"
    ]
    described = json.loads(snippet.files[0].text)["conversations_train"]
    about = parser.DatasetAttr("file", dataset_name=path.name)
    about.join(described)
    convert = converter.get_dataset_converter(described["formatting"], about, types.SimpleNamespace())
    found = []
    for row in _load(path, folder):
        got = convert(row)
        turns = [(each["role"], each["content"]) for each in (*got["_prompt"], *got["_response"])]
        found.append([*([("system", got["_system"])] if got["_system"] else []), *turns])
    return found


def read_by_unsloth(folder: Path, records: list[Example]) -> list[Spoken]:
    reader = import_alone("unsloth_zoo.dataset_utils")
    rows = reader.standardize_data_formats(_load(write(folder, "sharegpt", list(records)), folder))
    return [[(each["role"], each["content"]) for each in row["conversations"]] for row in rows]


def read_by_mlx(folder: Path, records: list[Example]) -> list[Spoken]:
    """From its folder; what it would train is compared as tokens, decoded again."""
    reader = import_alone("mlx_lm.tuner.datasets")
    path = write(folder, "messages", list(records))
    data = folder / "data"
    data.mkdir()
    path.rename(data / "train.jsonl")
    tokenizer = make_tokenizer([turn.content for record in records for turn in record.turns])
    config = types.SimpleNamespace(mask_prompt=False)
    train, _, _ = reader.load_local_dataset(data, tokenizer, config)
    found = []
    for row in (train[at] for at in range(len(train))):
        tokens, _ = train.process(row)
        pieces = tokenizer.decode(tokens).split("<|im_start|>")[1:]
        found.append([_divide(piece.removesuffix("<|im_end|>\n")) for piece in pieces])
    return found


LOADERS: list[tuple[str, str, Callable[[Path, list[Example]], list[Spoken]]]] = [
    (
        "LLaMA-Factory, sharegpt",
        "llamafactory",
        lambda *given: read_by_llama_factory(*given, form="sharegpt"),
    ),
    (
        "LLaMA-Factory, messages",
        "llamafactory",
        lambda *given: read_by_llama_factory(*given, form="messages"),
    ),
    ("Unsloth, sharegpt", "unsloth_zoo", read_by_unsloth),
    ("mlx-lm, messages", "mlx_lm", read_by_mlx),
]


def import_alone(name: str) -> Any:
    """A module of a package whose own `__init__` is not run: its parents are made empty."""
    top, *rest = name.split(".")
    if top not in sys.modules:
        spec = importlib.util.find_spec(top)
        assert spec is not None
        assert spec.origin is not None
        _make_package(top, Path(spec.origin).parent)
    for depth in range(1, len(rest)):
        parent = ".".join((top, *rest[:depth]))
        if parent not in sys.modules:
            _make_package(parent, Path(sys.modules[top].__path__[0]).joinpath(*rest[:depth]))
    return importlib.import_module(name)


def _make_package(name: str, place: Path) -> None:
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [str(place)]


def _list_spoken(record: Example) -> Spoken:
    return [("system", record.system), *((turn.role, turn.content) for turn in record.turns)]


def _load(path: Path, folder: Path) -> Any:
    return load_dataset("json", data_files=str(path), split="train", cache_dir=str(folder / "cache"))


def _divide(piece: str) -> tuple[str, str]:
    role, _, content = piece.partition("\n")
    return role, content


if __name__ == "__main__":
    raise SystemExit(main())
