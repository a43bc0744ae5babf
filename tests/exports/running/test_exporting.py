"""An export from its start to its files: what is frozen, in which split, and what the files and the manifest hold."""

import hashlib
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from background.models import BackgroundJob
from conversations.models import Conversation
from conversations.states import Status
from conversations.versions import edit
from exports.models import Export
from exports.models.states import ExportState
from exports.running import reading
from exports.running.actions import recreate_export, write_export
from lib.stale_state import StaleState
from templates_app.models import TemplateVersion
from tests.exports.conftest import Exporting, list_files, run_again
from tests.factories import make_conversation, make_template, make_user, make_version
from tests.support.background import run_open_jobs
from workspaces.models import User

pytestmark = pytest.mark.django_db


def approve(owner: User, *turns: str, **fields: Any) -> Conversation:
    """Each with another text, and a key by which its split is known."""
    key = UUID(int=Conversation.objects.count() + 1)
    texts = turns or (f"Hello {key}?", "Hi.")
    return make_conversation(by=owner, status=Status.APPROVED, turns=texts, id=key, **fields)


def read_file(place: Path, name: str) -> list[Any]:
    (found,) = place.rglob(name)
    return [json.loads(line) for line in found.read_text().splitlines()]


def test_the_approved_ones_become_a_file_with_its_manifest(
    owner: User, export: Exporting, files_in: Path
) -> None:
    version: TemplateVersion = make_version(
        template=make_template(workspace=owner.personal_workspace(), name="Arc"),
        training_system_prompt="You are a planner.",
        system_prompt="SECRET generator prompt",
    )
    approve(owner, "Rent or buy?", "Rent.", template_version=version, approved_by=owner)
    approve(owner, "A file's?", "Yes.", system_prompt="Its own system text.")
    make_conversation(by=owner, status=Status.REJECTED)
    make_conversation(by=owner, status=Status.GENERATED)
    made = export(purpose="A support bot")
    assert made.state == ExportState.COMPLETED, made.job and made.job.error
    assert list_files(files_in) == ["my-data.jsonl"]
    content = next(files_in.rglob("my-data.jsonl")).read_bytes()
    assert b"SECRET" not in content
    rows = [json.loads(line)["messages"] for line in content.splitlines()]
    assert [[each["content"] for each in row] for row in rows] == [
        ["You are a planner.", "Rent or buy?", "Rent."],
        ["Its own system text.", "A file's?", "Yes."],
    ]
    (file,) = made.files
    assert (file["sha256"], file["bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
    about = made.manifest
    assert (about["counts"]["items"], about["counts"]["by_status"]) == (2, {"approved": 2})
    assert about["template_versions"][0]["name"] == "Arc"
    assert about["reviewers"] == {"nobody": 1, owner.username: 1} or about["reviewers"] == {
        "nobody": 1,
        owner.email: 1,
    }
    assert (about["purpose"], about["files"][0]["sha256"]) == ("A support bot", file["sha256"])
    assert "warning" not in about


def test_simulated_ones_are_chosen_and_named(owner: User, export: Exporting) -> None:
    approve(owner, simulated=True)
    assert export().state == ExportState.FAILED
    made = export(simulated=True)
    assert made.files[0]["name"] == "my-data-simulated.jsonl"
    assert made.manifest["warning"].startswith("SIMULATED: all 1")


def test_unreviewed_ones_are_named_and_never_rejected_or_archived(owner: User, export: Exporting) -> None:
    for status in (
        Status.APPROVED,
        Status.GENERATED,
        Status.REJECTED,
        Status.ARCHIVED,
        Status.NEEDS_REVISION,
    ):
        make_conversation(by=owner, status=status)
    made = export(approved_only=False)
    assert made.files[0]["name"] == "my-data-unreviewed.jsonl"
    assert made.counts["statuses"] == {"approved": 1, "generated": 1, "needs_revision": 1}


def test_the_filter_of_the_list_and_ticked_rows(owner: User, export: Exporting) -> None:
    made = [approve(owner, title=title) for title in ("Rent", "Buy", "Sell")]
    approve(make_user(), title="Rent")
    assert export(filter="q=rent&sort=created").item_count == 1
    assert export(chosen=[each.pk for each in made[:2]]).item_count == 2


def test_a_chain_is_exported_by_its_head_and_an_undecided_one_is_told(owner: User, export: Exporting) -> None:
    chain = approve(owner)
    newer = edit(chain, {2: "Said better."}, by=owner)
    approve(owner)
    made = export()
    assert made.item_count == 1
    assert made.counts["superseded_named"] == [{"id": str(newer.pk), "name": newer.conversation_id}]
    newer.approve(by=owner)
    again = export()
    assert (again.item_count, again.counts["superseded"]) == (2, 0)


def test_only_what_is_new_since_an_export(owner: User, export: Exporting) -> None:
    first, second = approve(owner), approve(owner)
    before = export()
    edit(second, {2: "Said better."}, by=owner).approve(by=owner)
    third = approve(owner)
    more = export(since=before)
    assert set(more.items.values_list("conversation", flat=True)) == {
        third.pk,
        Conversation.objects.heads().get(root=second.pk).pk,
    }
    approve(owner)
    assert export(since=more).item_count == 1, "what the first export had counts, too"
    assert first.pk not in more.items.values_list("conversation", flat=True)


def test_splits_keep_near_duplicates_together(owner: User, export: Exporting) -> None:
    first = approve(owner)
    alike = {"kind": "near_duplicate", "turn": None, "quote": "likeness 0.90", "of": str(first.pk)}
    for _ in range(5):
        approve(owner, flags=[alike], flag_count=1)
    for _ in range(30):
        approve(owner)
    made = export(validation_percent=30, test_percent=20, seed=4)
    assert {each["split"] for each in made.files} == {"train", "validation", "test"}
    assert made.files[0]["name"] == "my-data-train.jsonl"
    together = made.items.filter(group=first.pk)
    assert together.count() == 6
    assert len(set(together.values_list("split", flat=True))) == 1
    assert sum(each["rows"] for each in made.files) == 36
    assert (
        export(validation_percent=30, test_percent=20, seed=4).files[0]["sha256"] == made.files[0]["sha256"]
    )


def test_a_cell_has_no_more_than_its_most(owner: User, export: Exporting) -> None:
    for number in range(7):
        approve(owner, persona="Nurse" if number else "Pilot")
    made = export(most_per_cell=2)
    assert (made.item_count, made.counts["left_out_by_cell"]) == (3, 4)


def test_pairs_and_decisions(owner: User, export: Exporting, files_in: Path) -> None:
    chain = approve(owner, "Hello?", "Said badly.")
    edit(chain, {2: "Said better."}, by=owner).approve(by=owner)
    rejected = make_conversation(by=owner, status=Status.PENDING_REVIEW, turns=["Why?", "No."])
    rejected.reject(by=owner)
    made = export(format="preference")
    (pair,) = read_file(files_in, "my-data-preference.jsonl")
    assert (pair["chosen"][0]["content"], pair["rejected"][0]["content"]) == ("Said better.", "Said badly.")
    assert made.items.get().other_id == chain.pk
    export(format="kto")
    rows = read_file(files_in, "my-data-kto.jsonl")
    assert [(row["completion"][0]["content"], row["label"]) for row in rows] == [
        ("No.", False),
        ("Said better.", True),
    ] or [(row["completion"][0]["content"], row["label"]) for row in rows] == [
        ("Said better.", True),
        ("No.", False),
    ]


@pytest.mark.parametrize("name", ["messages", "preference"])
def test_long_conversations_are_read_a_few_at_a_time(
    owner: User, export: Exporting, files_in: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for number in range(5):
        first = approve(owner, "Rent or buy?", f"Rent, {number}. " + number * "Really. ")
        edit(first, {2: f"Buy, {number}."}, by=owner, revision=first.revision).approve(by=owner)
    Conversation.objects.update(content_hash="")
    whole = export(format=name)
    monkeypatch.setattr(reading, "MOST_BYTES", 60)
    sizes: list[int] = []
    read = list(reading.Reader(whole, with_metadata=False).iter_chunks(sizes.append))
    assert sizes == [len(chunk) for chunk in read]
    assert sum(sizes) == 5
    assert len(sizes) > 1
    in_parts = export(format=name)
    assert [each["rows"] for each in in_parts.files] == [5]
    assert in_parts.files[0]["sha256"] == whole.files[0]["sha256"]


@pytest.mark.parametrize("name", ["csv", "markdown", "json", "folder", "sharegpt"])
def test_written_again_the_files_have_the_same_bytes(
    owner: User, export: Exporting, files_in: Path, name: str
) -> None:
    for _ in range(3):
        approve(owner, title="Rent")
    made = export(format=name, validation_percent=50)
    before = {path.name: path.read_bytes() for path in files_in.rglob("my-data*")}
    Conversation.objects.update(quality_score=3, status=Status.REJECTED, approved_at=None)
    for path in files_in.rglob("my-data*"):
        path.unlink()
    again = run_again(recreate_export(made, by=owner))
    assert again.state == ExportState.COMPLETED, again.job and again.job.error
    assert {path.name: path.read_bytes() for path in files_in.rglob("my-data*")} == before
    assert again.manifest == made.manifest
    assert again.items.changed_since().count() == 3


def test_what_was_deleted_for_good_leaves_no_file(owner: User, export: Exporting, files_in: Path) -> None:
    gone, _ = approve(owner), approve(owner)
    made = export()
    gone.delete()
    made.refresh_from_db()
    assert made.state == ExportState.REMOVED
    assert "deleted for good" in made.removed_why
    run_open_jobs()
    assert list_files(files_in) == []
    assert made.items.filter(conversation=None).count() == 1
    with pytest.raises(StaleState):
        recreate_export(made, by=owner)


def test_after_a_warning_it_waits_for_a_person(owner: User, export: Exporting, files_in: Path) -> None:
    approve(owner, simulated=True)
    made = export(simulated=True, pauses=True)
    assert (made.state, made.files, list_files(files_in)) == (ExportState.CHECKED, [], [])
    assert {"simulated", "too_few"} <= {each["rule"] for each in made.report["findings"]}
    assert run_again(write_export(made, by=owner)).state == ExportState.COMPLETED
    with pytest.raises(StaleState):
        write_export(Export.objects.get(pk=made.pk), by=owner)


def test_what_breaks_a_trainer_stops_it(owner: User, export: Exporting, files_in: Path) -> None:
    approve(owner, "A question without an answer")
    made = export()
    assert (made.state, list_files(files_in)) == (ExportState.BLOCKED, [])
    with pytest.raises(StaleState, match="would break a trainer"):
        write_export(made, by=owner)


def test_exact_copies_are_never_in_two_splits(owner: User, export: Exporting) -> None:
    for _ in range(12):
        approve(owner, "Hello?", "Hi.")
    approve(owner, "Why?", "So.")
    made = export(validation_percent=45, test_percent=45, seed=1)
    assert made.state == ExportState.COMPLETED
    assert made.counts["groups"] == 2


def test_where_nothing_is_left_it_says_so(export: Exporting) -> None:
    made = export()
    assert made.state == ExportState.FAILED
    assert made.job is not None
    assert "Approve some conversations first" in made.job.error
    assert BackgroundJob.objects.count() == 1


def test_positions_that_are_missing_are_passed_over(
    owner: User, export: Exporting, files_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "CHUNK", 2)
    for number in range(9):
        approve(owner, "Rent or buy?", f"Rent, {number}.")
    made = export(format="messages")
    made.items.filter(position__in=[1, 2, 4, 5, 6, 7]).delete()
    read = reading.Reader(made, with_metadata=False).iter_chunks(lambda count: None)
    assert [[line.position for line in chunk] for chunk in read] == [[3], [8, 9]]
