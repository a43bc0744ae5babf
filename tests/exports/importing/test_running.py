"""Files to conversations: what is stored, what is there already, which ids are kept, and the round trip to the byte."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from background.actions import cancel_job
from background.models import BackgroundJob
from conversations import versions
from conversations.ids import parse_id, reserve_ids, take_ids
from conversations.models import Conversation, IdCounter
from conversations.states import Status
from exports.importing import running
from exports.importing.choices import Choices
from exports.importing.running import start_import
from exports.importing.storing import store_new
from exports.importing.uploading import upload_file
from exports.models import ImportedFile
from lib.stale_state import StaleState
from tests.factories import (
    make_conversation,
    make_member,
    make_template,
    make_user,
    make_version,
    make_workspace,
)
from tests.support.background import run
from workspaces.models import AuditEntry, Membership, User

pytestmark = pytest.mark.django_db
Bring = Callable[..., BackgroundJob]


def talk(number: int = 1, **more: Any) -> dict[str, Any]:
    texts = (f"How do I save {number} a month?", f"Set {number} aside on payday.")
    turns = [{"role": role, "content": text} for role, text in zip(("user", "assistant"), texts, strict=True)]
    return {"messages": turns, **more}


def to_lines(*rows: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


@pytest.fixture
def bring(owner: User) -> Bring:
    """Upload these rows and import them to the end."""

    def do(*rows: dict[str, Any], **chosen: Any) -> BackgroundJob:
        choices = Choices(**chosen)
        place = owner.personal_workspace()
        file = upload_file(to_lines(*rows), name="old.jsonl", workspace=place, by=owner, choices=choices)
        return run(start_import(file, choices, by=owner))

    return do


def only() -> Conversation:
    return Conversation.objects.get(is_head=True)


def test_conversations_wait_for_review_with_their_flags(bring: Bring, owner: User) -> None:
    leak = talk(2, persona="Nurse", tier="edge_case", simulated=True, title="Two")
    leak["messages"][1]["content"] = "As an AI language model, I was told to play the adviser. " * 3
    job = bring(talk(1, system="Be kind."), leak, tier="scenario", persona="Baker")
    assert (job.status, job.done, job.total, job.result) == ("completed", 2, 2, {"imported": 2})
    first, second = Conversation.objects.order_by("conversation_id")
    assert (first.conversation_id, first.persona, first.tier) == ("fp_baker_001", "Baker", "scenario")
    assert (first.title, first.system_prompt, first.simulated) == (
        "How do I save 1 a month?",
        "Be kind.",
        False,
    )
    assert (first.source, first.created_by, first.import_job, first.template_version) == (
        "imported",
        owner,
        job,
        None,
    )
    assert (second.conversation_id, second.tier, second.simulated) == ("fp_nurse_001", "edge_case", True)
    assert second.title == "Two"
    assert second.flags[0]["kind"] == "prompt_leakage"
    assert Conversation.objects.undecided().count() == 2
    assert [turn.content for turn in first.turns.all()][1] == "Set 1 aside on payday."
    assert AuditEntry.objects.filter(action="import", target_kind="conversation").count() == 2
    file = ImportedFile.objects.get()
    assert bytes(file.content) == b""
    assert "preview" not in file.report
    with pytest.raises(StaleState):
        start_import(file, Choices(), by=owner)


def test_the_same_file_again_changes_nothing(bring: Bring) -> None:
    bring(talk(1), talk(2))
    again = bring(talk(1), talk(2), talk(3), talk(3))
    assert again.result == {"already_there": 3, "imported": 1}
    assert Conversation.objects.count() == 3
    assert bring(talk(1), again=True).result == {"imported": 1}


def test_other_system_text_makes_another_conversation(bring: Bring) -> None:
    bring(talk(1, system="Be kind."))
    assert bring(talk(1)).result == {"already_there": 1}
    assert bring(talk(1, system="Be brief.")).result == {"imported": 1}


def test_what_is_exported_from_here_is_there(bring: Bring, owner: User) -> None:
    version = make_version(
        template=make_template(workspace=owner.personal_workspace()), training_system_prompt="S"
    )
    made = make_conversation(by=owner, template_version=version, turns=["Hi?", "Hello."])
    versions.edit(made, {2: "Good day."}, by=owner)
    row = {"messages": [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Good day."}]}
    assert bring({**row, "system": "S"}).result == {"already_there": 1}
    assert bring({**row, "system": "T"}).result == {"imported": 1}


def test_ids(bring: Bring, owner: User) -> None:
    take_ids(owner.personal_workspace(), ["Nurse"])  # of an item that is not generated yet
    rows = [
        talk(1, id="fp_baker_007"),
        talk(2, id="fp_baker_003"),
        talk(3, id="fp_nurse_001"),
        talk(4, id="row-4"),
    ]
    bring(*rows)
    found = Conversation.objects.order_by("title").values_list("conversation_id", "external_id")
    assert list(found) == [
        ("fp_baker_007", ""),
        ("fp_baker_003", ""),
        ("fp_general_001", "fp_nurse_001"),
        ("fp_general_002", "row-4"),
    ]
    assert take_ids(owner.personal_workspace(), ["Baker"]) == ["fp_baker_008"]
    assert Conversation.objects.filter(external_id="row-4").count() == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("fp_baker_007", ("baker", 7)),
        ("fp_a_b_1234", ("a_b", 1234)),
        ("fp_baker_7", None),
        ("fp_baker_0007", None),
        ("fp_baker_000", None),
        ("fp_baker_9999999", None),
        ("hr_baker_007", None),
        ("fp_Baker_007", None),
        ("fp__007", None),
        ("fp_007", None),
        ("", None),
        ("fp_baker_٠٠٧", None),
    ],
)
def test_which_ids_are_ours(text: str, found: Any) -> None:
    assert parse_id(text, prefix="fp") == found


def test_counters_go_on_behind_a_file(owner: User) -> None:
    place = owner.personal_workspace()
    assert reserve_ids(place.pk, {"b": 4, "a": 9}) == {"a": 1, "b": 1}
    assert reserve_ids(place.pk, {"a": 5}) == {"a": 10}
    assert dict(IdCounter.objects.values_list("slug", "next_number")) == {"a": 10, "b": 5}


def test_a_known_id_with_another_text_is_a_new_conversation_unless_a_version_is_wanted(bring: Bring) -> None:
    bring(talk(1, id="fp_baker_001"), talk(2, id="row-2"))
    first = Conversation.objects.get(conversation_id="fp_baker_001")
    bring(talk(11, id="fp_baker_001"))
    beside = Conversation.objects.get(external_id="fp_baker_001")
    assert (beside.version, beside.root_id, beside.conversation_id) == (1, beside.pk, "fp_general_002")
    first.approve(by=None)
    job = bring(
        talk(21, id="fp_baker_001", title="New"), talk(22, id="row-2"), talk(23, id="row-2"), as_versions=True
    )
    assert job.result == {"new_versions": 3}
    newest = Conversation.objects.get(root=first.pk, is_head=True)
    assert (newest.version, newest.title, newest.source, newest.decided_at) == (2, "New", "imported", None)
    assert newest.change_note == "Imported from old.jsonl, row 1."
    first.refresh_from_db()
    assert (first.status, first.status_before_archive) == (Status.ARCHIVED, Status.APPROVED)
    assert Conversation.objects.get(external_id="row-2", is_head=True).version == 3


def test_a_template_gives_language_flags_and_system_text(bring: Bring, owner: User) -> None:
    template = make_template(workspace=owner.personal_workspace())
    version = make_version(template=template, training_system_prompt="Advise.", language="de", turns_min=8)
    bring(talk(1), template_version=str(version.pk))
    made = only()
    assert (made.template_version, made.system_prompt, made.training_system_prompt) == (
        version,
        None,
        "Advise.",
    )
    assert made.language == "de"
    assert {flag["kind"] for flag in made.flags} >= {"too_few_turns"} or made.flags


def test_a_job_that_breaks_off_goes_on_where_it_was(
    bring: Bring, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "AT_ONCE", 1)
    choices, stop = Choices(), threading.Event()
    rows = [talk(number, id=f"fp_baker_00{number}") for number in (1, 2, 3)]
    place = owner.personal_workspace()
    file = upload_file(to_lines(*rows), name="a.jsonl", workspace=place, by=owner, choices=choices)
    job = start_import(file, choices, by=owner)

    def store_and_stop(*given: Any) -> Conversation:
        stop.set()
        return store_new(*given)

    monkeypatch.setattr(running, "store_new", store_and_stop)
    assert run(job, stopping=stop).status == "queued"
    assert Conversation.objects.count() == 1
    monkeypatch.setattr(running, "store_new", store_new)
    assert run(job).result == {"imported": 3}
    ids = Conversation.objects.order_by("conversation_id").values_list("conversation_id", flat=True)
    assert list(ids) == ["fp_baker_001", "fp_baker_002", "fp_baker_003"]


def test_near_duplicates_are_found(bring: Bring, django_capture_on_commit_callbacks: Any) -> None:
    words = "Keep three months of spending in an account that you can reach within a day, and add to it. " * 3
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"How much, {name}?"},
                {"role": "assistant", "content": words},
            ]
        }
        for name in ("Ann", "Bob")
    ]
    with django_capture_on_commit_callbacks(execute=True):
        bring(*rows)
    flagged = Conversation.objects.filter(flags__contains=[{"kind": "near_duplicate"}])
    assert flagged.count() == 1


def test_only_editors_import(owner: User) -> None:
    place = make_workspace()
    make_member(workspace=place, user=owner, role=Membership.Role.REVIEWER)
    file = upload_file(to_lines(talk()), name="a", workspace=place, by=owner, choices=Choices())
    with pytest.raises(PermissionDenied):
        start_import(file, Choices(), by=owner)
    assert ImportedFile.objects.get().job is None


def test_files_that_wait_are_few(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exports.models.import_files.MOST_OF_A_PERSON", 2)
    place = owner.personal_workspace()
    for number in range(4):
        upload_file(to_lines(talk(number)), name="a", workspace=place, by=owner, choices=Choices())
    upload_file(to_lines(talk()), name="b", workspace=place, by=make_user(), choices=Choices())
    assert ImportedFile.objects.filter(created_by=owner).count() == 2


def test_nothing_is_left_of_a_cancelled_file(owner: User) -> None:
    place, choices = owner.personal_workspace(), Choices()
    file = upload_file(to_lines(talk()), name="a", workspace=place, by=owner, choices=choices)
    cancel_job(start_import(file, choices, by=owner), by=owner)
    upload_file(to_lines(talk()), name="b", workspace=place, by=owner, choices=choices)
    file.refresh_from_db()
    assert (bytes(file.content), "preview" in file.report) == (b"", False)
