"""Parquet, which needs an optional package."""

import importlib.util
import io
import json
from pathlib import Path
from typing import Any

import pytest

from exports.formats import FORMATS, MissingPackage
from exports.formats.hub import choose_inner
from exports.formats.parquet import MOST_ROWS
from tests.exports.formats.examples import make_example, write
from tests.guards.sources import ROOT

INSTALLED = importlib.util.find_spec("pyarrow") is not None


def test_without_pyarrow_the_format_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exports.formats.parquet.importlib.util.find_spec", lambda name: None)
    assert not FORMATS["parquet"].is_available()
    assert "requirements-parquet.lock" in FORMATS["parquet"].missing
    assert (ROOT / "requirements-parquet.lock").exists()
    with pytest.raises(MissingPackage, match="pyarrow"):
        FORMATS["parquet"].open(io.BytesIO())
    assert choose_inner() == "messages"


def test_the_others_need_nothing() -> None:
    assert all(
        each.is_available() and not each.missing for each in FORMATS.values() if each.name != "parquet"
    )


@pytest.mark.slow
@pytest.mark.skipif(
    not INSTALLED, reason="pyarrow is not installed: pip install -r requirements-parquet.lock"
)
@pytest.mark.parametrize("options", [{}, {"metadata": True}, {"train_flags": "weight"}, {"system": False}])
def test_the_rows_are_those_of_messages(tmp_path: Path, options: dict[str, Any]) -> None:
    parquet: Any = importlib.import_module("pyarrow.parquet")
    records = [
        make_example(f"Q{at} \u2028\U0001f600", "A", metadata={"n": at}) for at in range(MOST_ROWS + 5)
    ]
    content, writer = write("parquet", *records, **options)
    found = parquet.read_table(io.BytesIO(content)).to_pylist()
    lines = [json.loads(line) for line in write("messages", *records, **options)[0].split(b"\n")[:-1]]
    for row in found:
        row["messages"] = [
            {key: each[key] for key in each if each[key] is not None} for each in row["messages"]
        ]
        if "metadata" in row:
            row["metadata"] = json.loads(row["metadata"])
    assert found == lines
    assert writer.rows == MOST_ROWS + 5
    assert choose_inner() == "parquet"
