"""Versions of a conversation: an edit, a regeneration or a correction is a new row, and the turns of a row never change.

The rows of a chain share `root`, the version 1. One of them is the head: the newest, which lists and exports mean. Making a
version locks the row of version 1, so that two people who do so at once get two numbers, one after the other.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import F, Max

from conversations.comparison import compare_after_commit
from conversations.models import Conversation, Decision, Turn
from conversations.parsing import TurnDraft
from conversations.quality import SpokenTurn
from conversations.scoring import score_turns
from conversations.states import Role, Source, Status
from conversations.thresholds import Thresholds
from lib.stale_state import StaleRevision, StaleState, Superseded
from lib.statements import insert
from templates_app.models import TemplateVersion
from workspaces.audit import name_person, record
from workspaces.models import User
from workspaces.states import Action, TargetKind

LONGEST_TURN = 1_000_000  # characters, as a reply can have
# What a version inherits from the one that it is made from.
INHERITED = (
    *(
        "workspace_id",
        "conversation_id",
        "root_id",
        "origin_job_id",
        "template_version_id",
        "title",
        "persona",
    ),
    *(
        "emotion",
        "topic",
        "intent",
        "tone",
        "tier",
        "category",
        "language",
        "parameters",
        "simulated",
        "model",
        "system_prompt",
        "external_id",
    ),
)
REPLACED = "Replaced by version "  # and the number of the newer one
SIDE_VERSION = "Version {number} was made meanwhile and stays the newest; this one is kept beside it."


class EditError(ValueError):
    """The edited turns cannot be stored; the message says which and why."""


# --- what people do --------------------------------------------------------------------------------------


def edit(
    conversation: Conversation,
    texts: Mapping[int, str],
    *,
    by: User | None,
    note: str = "",
    revision: int | None = None,
    approve: bool = False,
) -> Conversation:
    """A new version with these texts in place of the turns of those numbers, from 1; approved at once if asked.

    Without a difference the conversation itself is returned. Raises EditError, and StaleRevision or Superseded when
    somebody has changed it since the person read it.
    """
    turns = _replace_texts(conversation, texts)
    if turns is None:
        return conversation
    with transaction.atomic():
        lock_unchanged(conversation, revision)
        made = add_version(conversation, turns=turns, by=by, source=Source.EDITED, change_note=note)
        changed = ", ".join(str(number) for number in sorted(texts))
        _record(Action.EDIT, made, by=by, after={"version": made.version, "turns": changed})
        if approve:
            made.approve(by=by, note=note)
    return made


def bring_back(version: Conversation, *, by: User | None) -> Conversation:
    """A copy of an earlier version as the newest one. Raises StaleState for the newest version itself."""
    if version.is_head:
        raise StaleState("version", verb="brought back", status="the newest")
    with transaction.atomic():
        made = add_version(
            version,
            turns=read_turns(version),
            by=by,
            source=Source(version.source),
            change_note=f"Version {version.version}, brought back.",
            instead_of_head=True,
        )
        after = {"version": made.version, "copy_of_version": version.version}
        _record(Action.BRING_BACK, made, by=by, after=after)
    return made


def read_turns(conversation: Conversation) -> list[TurnDraft]:
    """The turns of a version as plain values, in order."""
    found = conversation.turns.order_by("turn_number").values_list("role", "content")
    return [TurnDraft(role, content) for role, content in found]


def list_chain(conversation: Conversation) -> list[Conversation]:
    """Every version of this conversation, oldest first, without the texts of their turns."""
    chain = Conversation.objects.filter(root=conversation.root_id)
    return list(chain.select_related("created_by").order_by("version"))


def _replace_texts(conversation: Conversation, texts: Mapping[int, str]) -> list[TurnDraft] | None:
    turns = read_turns(conversation)
    for number, text in texts.items():
        if not 1 <= number <= len(turns):
            raise EditError(f"Turn {number} does not exist: the conversation has {len(turns)} turns.")
        if not text.strip():
            raise EditError(f"Turn {number} is empty. Write a text, or leave the turn as it was.")
        if len(text) > LONGEST_TURN:
            raise EditError(
                f"Turn {number} has {len(text):,} characters; at most {LONGEST_TURN:,} are allowed."
            )
    changed = [
        TurnDraft(turn.role, texts.get(number, turn.content)) for number, turn in enumerate(turns, start=1)
    ]
    return None if changed == turns else changed


def lock_unchanged(conversation: Conversation, revision: int | None) -> Conversation:
    """The row as it is now, locked. Raises StaleRevision or Superseded unless it is the head and as the person read it.

    `revision` is what the person read, the loaded one by default. Version 1 is locked first, as `add_version` does: two
    that lock the rows of a chain in different orders would wait for each other.
    """
    expected = conversation.revision if revision is None else revision
    locked = Conversation.objects.select_for_update(no_key=True)
    if conversation.root_id != conversation.pk:
        locked.values("pk").get(pk=conversation.root_id)
    row: Conversation = locked.get(pk=conversation.pk)
    if not row.is_head:
        raise Superseded("conversation")
    if row.revision != expected:
        raise StaleRevision("conversation")
    return row


# --- how a version is stored -----------------------------------------------------------------------------


@transaction.atomic
def add_version(
    parent: Conversation,
    *,
    turns: Sequence[SpokenTurn],
    by: User | None,
    source: Source,
    change_note: str = "",
    flags: Sequence[str] = (),
    template_version: TemplateVersion | None = None,
    instead_of_head: bool = False,
    beside: str = "",
    key: UUID | None = None,
    **fields: Any,
) -> Conversation:
    """Store a version made from `parent`, with its turns and score; `fields` are columns that it does not inherit.

    `template_version` is the one that it was made with, by default that of its parent.

    It becomes the newest one and the head before it is archived, in this transaction. If another version has become the
    head since `parent` was read, the new one is kept beside it, archived, and says so; `instead_of_head` replaces that
    head all the same, and `beside` says why the new one must not become the head in any case.
    """
    head, number = _lock_chain(parent)
    template_version = template_version or parent.template_version
    takes_over = not beside and (instead_of_head or head.pk == parent.pk)
    key = key or uuid4()
    made = Conversation(
        **{
            **{name: getattr(parent, name) for name in INHERITED},
            **score_turns(
                turns,
                version=template_version,
                thresholds=Thresholds.of(parent.workspace_id),
                flags=flags,
            ),
            "template_version_id": template_version and template_version.pk,
            "created_by": by,
            **fields,
        },
        id=key,
        version=number,
        parent=parent,
        parent_type="conversation",
        source=source,
        is_head=takes_over,
        revision=head.revision + 1,
        change_note=change_note
        if takes_over
        else _join(change_note, beside or SIDE_VERSION.format(number=head.version)),
    )
    if takes_over:
        _supersede(head, by=by, number=number)
    else:
        made.status_before_archive, made.status = made.status, Status.ARCHIVED
    insert([made])
    insert(build_turns(turns, made))
    if takes_over:
        compare_after_commit(key)
    return made


def build_turns(turns: Sequence[SpokenTurn], conversation: Conversation) -> list[Turn]:
    """The rows of these turns, not yet stored."""
    return [
        Turn(
            workspace_id=conversation.workspace_id,
            created_by_id=conversation.created_by_id,
            conversation=conversation,
            turn_number=number,
            role=Role(turn.role),
            content=turn.content,
            # About 2.5 characters a token. The provider counts only the whole reply.
            token_count=-(-len(turn.content) * 2 // 5),
        )
        for number, turn in enumerate(turns, start=1)
    ]


def _lock_chain(version: Conversation) -> tuple[Conversation, int]:
    """The head of the chain, and the number of the next version. Whoever adds a version waits here for the others."""
    Conversation.objects.select_for_update(no_key=True).get(pk=version.root_id)
    chain = Conversation.objects.filter(root=version.root_id)
    head = chain.select_for_update(no_key=True).get(is_head=True)
    last: int = chain.aggregate(last=Max("version"))["last"]
    return head, last + 1


def _supersede(head: Conversation, *, by: User | None, number: int) -> None:
    """Archive the head because version `number` takes its place. Its last status stays known, and the decision is kept."""
    start = Status(head.status)
    Conversation.objects.filter(pk=head.pk).update(
        is_head=False,
        status=Status.ARCHIVED,
        status_before_archive=head.status_before_archive if start == Status.ARCHIVED else start,
        approved_by=None,
        approved_at=None,
        revision=F("revision") + 1,
    )
    Decision.objects.create(
        workspace_id=head.workspace_id,
        created_by=by,
        conversation_id=head.pk,
        who_name=name_person(by),
        from_status=start,
        to_status=Status.ARCHIVED,
        note=f"{REPLACED}{number}.",
        revision=head.revision + 1,
    )


def _record(action: Action, made: Conversation, *, by: User | None, after: Mapping[str, Any]) -> None:
    record(action=action, kind=TargetKind.CONVERSATION, target=made, by=by, after=after)


def _join(*notes: str) -> str:
    return "\n".join(note for note in notes if note)
