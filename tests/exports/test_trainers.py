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


@pytest.mark.slow
@pytest.mark.timeout(1_800)  # the packages are 1.5 GB
def test_datasets_reads_every_format_and_a_lora_is_trained(tmp_path: Path) -> None:
    python = find_environment(tmp_path)
    done = subprocess.run(
        [python, "-m", "bench.train_lora"],
        cwd=ROOT,
        env={**os.environ, "HF_HOME": str(tmp_path / "hf")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["wrong"] == []
    assert found["last_loss"] < 0.9 * found["first_loss"]


def find_environment(folder: Path) -> str:
    """The Python of an environment with the trainers' packages; skips the test where they cannot be had."""
    if ENVIRONMENT in os.environ:
        return os.environ[ENVIRONMENT]
    subprocess.run([sys.executable, "-m", "venv", folder / "train"], check=True)
    python = str(folder / "train" / "bin" / "python")
    requirements = ROOT / "requirements-trainers.txt"
    installed = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--requirement", requirements],
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode:
        pytest.skip(f"The packages cannot be installed here: {installed.stderr[-300:]}")
    return python
