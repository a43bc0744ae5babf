"""The packages that people train with read our files and train from them. They are installed into an environment of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guards.sources import ROOT

# An environment that has requirements-trainers.txt already, so that nothing is installed.
ENVIRONMENT = "LORAPIPE_TEST_TRAINERS"


# Only their modules that read rows are used, so what else they need is not installed.
LOADERS = ("llamafactory", "unsloth_zoo", "mlx-lm")


@pytest.mark.slow
@pytest.mark.timeout(1_800)  # the packages are 1.5 GB
def test_trainers_read_the_same_texts_and_a_lora_is_trained(tmp_path: Path) -> None:
    python = find_environment(tmp_path)
    found = json.loads(run(python, "bench.training.train_lora").splitlines()[-1])
    assert found["wrong"] == []
    assert found["last_loss"] < 0.9 * found["first_loss"]
    read = run(python, "bench.training.trainer_loaders")
    assert read.count("the same texts") == 4, read


def run(python: str, module: str) -> str:
    done = subprocess.run([python, "-m", module], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def find_environment(folder: Path) -> str:
    """The Python of an environment with the trainers' packages; skips the test where they cannot be had."""
    if ENVIRONMENT in os.environ:
        return os.environ[ENVIRONMENT]
    subprocess.run([sys.executable, "-m", "venv", folder / "train"], check=True)
    python = str(folder / "train" / "bin" / "python")
    wanted = (("--requirement", str(ROOT / "requirements-trainers.txt")), ("--no-deps", *LOADERS))
    for words in wanted:
        command = [python, "-m", "pip", "install", "--quiet", *words]
        installed = subprocess.run(command, capture_output=True, text=True, check=False)
        if installed.returncode:
            pytest.skip(f"The packages cannot be installed here: {installed.stderr[-300:]}")
    return python
