"""A job's conversations in a file with a manifest: exact, in order, whole or not at all."""

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from batches.models import BatchItem, BatchJob
from batches.models.states import ItemStatus
from conversations.models import Conversation
from conversations.states import Status
from exports.formats import ExportError
from exports.unreviewed import files, stream
from exports.unreviewed.files import build_file_name, build_job_file_name, export_job
from exports.unreviewed.target import CannotWrite, check_target
from templates_app.states import Tier
from tests.factories import make_conversation, make_item, make_job, make_template, make_version

pytestmark = pytest.mark.django_db
TEXTS = (
    "What is a 401(k)?\u2028",
    'It is "<b>&amp;</b>" {{x}}\r\n',
    "\u05e9\u05dc\u05d5\u05dd \U0001f600",
    "Bye \\n",
)


def make_exportable(*, count: int = 3, **fields: Any) -> BatchJob:
    """A job with completed items, stored in the reverse order of their positions."""
    job = make_job(total_items=count, completed_items=count, seed=7)
    template = make_template(workspace=job.workspace, name="Arc")
    prompts: dict[str, Any] = {
        "training_system_prompt": "You are a planner.",
        "system_prompt": "SECRET generator prompt",
    }
    version = make_version(template=template, **prompts)
    for position in range(count, 0, -1):
        item = make_item(job=job, version=version, position=position, status=ItemStatus.COMPLETED)
        make_conversation(
            item=item, turns=[f"{position} {text}" for text in TEXTS], **{"simulated": True, **fields}
        )
    return job


def messages_in(path: Path) -> list[list[dict[str, str]]]:
    return [json.loads(line)["messages"] for line in path.read_bytes().decode().split("\n")[:-1]]


def test_every_conversation_byte_exact_in_the_order_of_the_plan(tmp_path: Path) -> None:
    job = make_exportable()
    export_job(job, tmp_path / "all.jsonl")
    found = messages_in(tmp_path / "all.jsonl")
    assert [messages[0] for messages in found] == [{"role": "system", "content": "You are a planner."}] * 3
    assert [[message["content"] for message in messages[1:]] for messages in found] == [
        [f"{position} {text}" for text in TEXTS] for position in (1, 2, 3)
    ]
    assert [message["role"] for message in found[0][1:]] == ["user", "assistant", "user", "assistant"]
    assert b"SECRET" not in (tmp_path / "all.jsonl").read_bytes()


def test_the_system_text_of_an_imported_file_stands_before_that_of_the_template(tmp_path: Path) -> None:
    job = make_exportable(count=1, system_prompt="The file's own.")
    export_job(job, tmp_path / "all.jsonl")
    assert messages_in(tmp_path / "all.jsonl")[0][0] == {"role": "system", "content": "The file's own."}
    export_job(job, tmp_path / "plain.jsonl", system=False)
    assert messages_in(tmp_path / "plain.jsonl")[0][0]["role"] == "user"


def test_only_this_job_reviewed_or_not_without_what_was_rejected(tmp_path: Path) -> None:
    job = make_exportable()
    make_exportable()
    make_conversation()
    rejected = Conversation.objects.of_job(job.pk).earliest("created_at")
    Conversation.objects.filter(pk=rejected.pk).update(status=Status.REJECTED)
    exported = export_job(job, tmp_path / "all.jsonl")
    assert exported.written.count == 2
    assert exported.manifest["counts"]["by_status"] == {"pending_review": 2}


def test_the_manifest_describes_these_bytes(tmp_path: Path) -> None:
    job = make_exportable()
    exported = export_job(job, tmp_path / "all.jsonl")
    about = json.loads((tmp_path / "all.jsonl.manifest.json").read_text())
    content = (tmp_path / "all.jsonl").read_bytes()
    version = BatchItem.objects.filter(job=job)[0].template_version
    assert about == exported.manifest
    assert (about["sha256"], about["bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
    assert about["counts"] == {
        "conversations": 3,
        "turns": 12,
        "by_status": {"pending_review": 3},
        "by_tier": {Tier.TEMPLATE: 3},
    }
    assert about["template_versions"] == [
        {"name": "Arc", "number": 2, "id": str(version.pk), "conversations": 3}
    ]
    assert about["models"] == {"claude-sonnet-5-5": 3}
    assert (about["job"]["id"], about["job"]["name"], about["job"]["seed"]) == (str(job.pk), job.name, 7)
    assert about["lorapipe_version"]


def test_simulated_is_said_first_and_counted(tmp_path: Path) -> None:
    job = make_exportable()
    about = export_job(job, tmp_path / "all.jsonl").manifest
    assert next(iter(about)) == "warning"
    assert about["warning"].startswith("SIMULATED: all 3 conversations")
    assert about["simulated"] == {"count": 3, "all": True}
    Conversation.objects.filter(batch_item__position=1).update(simulated=False)
    about = export_job(job, tmp_path / "all.jsonl").manifest
    assert about["warning"].startswith("SIMULATED: 2 of 3 conversations")
    assert about["simulated"] == {"count": 2, "all": False}


def test_nothing_simulated_nothing_said(tmp_path: Path) -> None:
    about = export_job(make_exportable(simulated=False), tmp_path / "all.jsonl").manifest
    assert "warning" not in about
    assert about["simulated"] == {"count": 0, "all": False}


def test_the_same_selection_gives_the_same_bytes(tmp_path: Path) -> None:
    job = make_exportable()
    assert (
        export_job(job, tmp_path / "1.jsonl").written.sha256
        == export_job(job, tmp_path / "2.jsonl").written.sha256
    )


def test_without_a_job_the_order_is_that_of_creation() -> None:
    made = [make_conversation(turns=[f"{number}", "x"]) for number in range(3)]
    found = [line.row.id for line in stream.iter_lines(Conversation.objects.all())]
    assert found == [conversation.pk for conversation in made]


def test_chunks_meet_without_a_gap_and_take_two_queries_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "CHUNK", 2)
    job = make_exportable(count=5)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        content = b"".join(stream.iter_jsonl(stream.select_for_job(job)))
    assert [json.loads(line)["messages"][1]["content"][0] for line in content.split(b"\n")[:-1]] == list(
        "12345"
    )
    assert sum("conversation_turns" in query["sql"] for query in queries) == 3
    assert (
        sum("template_versions" in query["sql"] or "templateversion" in query["sql"] for query in queries)
        == 1
    )


def test_an_empty_job_gives_an_empty_file(tmp_path: Path) -> None:
    exported = export_job(make_job(), tmp_path / "all.jsonl")
    assert exported.path.read_bytes() == b""
    assert exported.written.sha256 == hashlib.sha256().hexdigest()


def test_system_messages_can_be_left_out(tmp_path: Path) -> None:
    """Gemma and others refuse a system message in training data."""
    job = make_exportable()
    plain = export_job(job, tmp_path / "with.jsonl")
    left_out = export_job(job, tmp_path / "without.jsonl", system=False)
    with_system, without = messages_in(plain.path), messages_in(left_out.path)
    assert with_system
    assert [messages[1:] for messages in with_system] == without
    assert {messages[0]["role"] for messages in with_system} == {"system"}
    assert plain.manifest["system_messages"] == "as in the templates"
    assert left_out.manifest["system_messages"] == "left out"


def test_an_export_that_fails_leaves_the_earlier_file_alone(tmp_path: Path) -> None:
    job = make_exportable()
    path = tmp_path / "all.jsonl"
    path.write_text("earlier")
    item = make_item(job=job, status=ItemStatus.COMPLETED)
    make_conversation(item=item, turns=0)
    with pytest.raises(
        ExportError, match=rf"The conversation {item.conversation_id} cannot be exported: it has no turns"
    ):
        export_job(job, path)
    assert path.read_text() == "earlier"
    assert os.listdir(tmp_path) == ["all.jsonl"]


@pytest.mark.parametrize("target", ["missing/all.jsonl", "folder", "pipe", "beside.jsonl"])
def test_targets_that_cannot_be_written_are_refused_and_untouched(tmp_path: Path, target: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "beside.jsonl.manifest.json").mkdir()
    os.mkfifo(tmp_path / "pipe")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(CannotWrite):
        check_target(tmp_path / target)
    assert sorted(os.listdir(tmp_path)) == before


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "real.jsonl")
    export_job(make_exportable(), tmp_path / "link.jsonl")
    assert (tmp_path / "link.jsonl").is_symlink()
    assert (tmp_path / "real.jsonl").stat().st_size > 0


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(conversations: object, stream: io.BufferedWriter, *, system: bool) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_jsonl", full)
    with pytest.raises(CannotWrite, match="No space left"):
        export_job(make_job(), tmp_path / "all.jsonl")
    assert os.listdir(tmp_path) == []


def test_file_names_say_simulated() -> None:
    assert build_file_name("fp_anxious_001", simulated=True) == "fp_anxious_001-simulated-unreviewed.jsonl"
    assert build_file_name("../Ünsafe\n name/", simulated=False) == "unsafe_name-unreviewed.jsonl"
    assert build_file_name("\u05e9\u05dc\u05d5\u05dd", simulated=False) == "conversations-unreviewed.jsonl"
    job = make_exportable()
    assert build_job_file_name(job).endswith(f"{str(job.pk)[:8]}-simulated-unreviewed.jsonl")
