"""The scripts of docs/api.md do the main job as they stand there: start, watch, review, export, download."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from batches.models import BatchJob
from batches.models.states import JobStatus
from lorapipe.openapi.document import build_document
from lorapipe.queues import Queue
from tests.factories import make_token
from tests.guards.sources import ROOT
from tests.support.engine import Engine
from workspaces.models import User


def test_every_address_of_them_is_one_of_the_api() -> None:
    """Quick: the scripts themselves run by hand, with `-m slow`."""
    script = read_script("python")
    compile(script, "docs/api.md", "exec")
    paths = [re.sub(r"{.*?}", "x", path) for path in build_document()["paths"]]
    asked = re.findall(r'call\("\w+", f?"([^"]+)"', script)
    asked += re.findall(r"\bcall \w+ \"?([\w/$-]+)", read_script("sh"))
    assert len(asked) >= 10
    for path in asked:
        place = re.sub(r"{.*?}|\$\w+", "x", path)
        assert f"/api/{place}" in paths, path


def read_script(language: str) -> str:
    found = re.search(
        rf"^```{language}\n(.*?)^```$", (ROOT / "docs/api.md").read_text(), re.DOTALL | re.MULTILINE
    )
    assert found, f"docs/api.md has no script in {language}"
    return found[1].replace("sleep 2", "sleep 0.1").replace("sleep(2)", "sleep(0.1)")


def run(command: list[str], address: str, user: User, folder: Path) -> str:
    secrets = {"LORAPIPE_URL": address, "LORAPIPE_TOKEN": make_token(user=user)}
    found = subprocess.run(
        command, cwd=folder, env={**os.environ, **secrets}, capture_output=True, text=True, timeout=120
    )
    assert found.returncode == 0, f"{found.stdout}\n{found.stderr}"
    return found.stdout


def check_job(folder: Path) -> int:
    """How many rows the file has: one for each approved conversation, as a trainer reads it."""
    job = BatchJob.objects.get()
    assert (job.status, job.completed_items) == (JobStatus.COMPLETED, 15)
    rows = [json.loads(line) for line in (folder / "edge-cases.jsonl").read_text().splitlines()]
    assert rows
    assert all(row["messages"] for row in rows)
    return len(rows)


def start(engine: Engine) -> str:
    """The address of the pages. The worker, the interactive one and they share a folder, as on one machine."""
    engine.start()
    engine.start_worker(queue=Queue.INTERACTIVE, slots=2)  # it makes the export
    return engine.start_web()


@pytest.mark.slow
def test_in_python(owner: User, engine: Engine, tmp_path: Path) -> None:
    told = run([sys.executable, "-c", read_script("python")], start(engine), owner, tmp_path)
    rows = check_job(tmp_path)
    assert f"{rows} approved" in told
    assert f"completed {rows} rows" in told


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="needs curl and jq")
def test_with_curl(owner: User, engine: Engine, tmp_path: Path) -> None:
    told = run(["sh", "-c", read_script("sh")], start(engine), owner, tmp_path)
    rows = check_job(tmp_path)
    assert f"{rows} approved" in told
    assert told.strip().endswith(str(rows))
