"""Score conversations again by the rules of today: score, flags, metrics, and the bands that find near-duplicates.

What nobody has decided about gets the status that its new score gives it. What a person has decided stays where it is; one
that has a hard flag which it did not have before, or is approved with a score that has sunk below a threshold, is marked as
flagged since the decision. Turns of a version never change, so they are scored before the rows are locked.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from background.actions import start_job
from background.kinds import End, count
from background.models import BackgroundJob
from background.running import RunningJob
from conversations.bulk import TooMany
from conversations.comparison import NEAR_DUPLICATE, compare
from conversations.models import Conversation, ConversationQuerySet, Turn
from conversations.parsing import TurnDraft
from conversations.parsing.checks import ROLE_LABELS
from conversations.quality import Flag, is_hard, read_flags
from conversations.quality.flags import arrange
from conversations.scoring import choose_status, score_turns
from conversations.states import AWAITING_REVIEW, Status
from conversations.thresholds import Thresholds
from lib.amounts import count_words
from templates_app.models import TemplateVersion
from workspaces.audit import Change, find_differences, record_many
from workspaces.models import RequestKey, User, Workspace
from workspaces.states import Action, TargetKind

RESCORE = "rescore"
AT_ONCE = 50  # conversations in a step
STEP_S = 0.5  # that scoring them may take; what is left is for the next step
MOST_CHOSEN = 100_000
RANKS = {Status.GENERATED: 0, Status.PENDING_REVIEW: 1, Status.NEEDS_REVISION: 2}


class Scored(NamedTuple):
    key: UUID
    columns: dict[str, Any]


# --- start -----------------------------------------------------------------------------------------------


def start_rescore(
    *,
    workspace: Workspace,
    by: User | None,
    rows: ConversationQuerySet | None = None,
    sent: RequestKey | None = None,
) -> BackgroundJob:
    """Score these conversations of the workspace again, or all of them: each in its newest version.

    Raises PermissionDenied for a person who is no editor there, and TooMany for more than 100,000 chosen ones.
    """
    if rows is None:
        chosen, total = None, list_scorable(workspace.pk).count()
    else:
        keys = rows.filter(workspace=workspace, is_head=True, turn_count__gt=0).order_by("pk")
        chosen = [str(key) for key in keys.values_list("pk", flat=True)[: MOST_CHOSEN + 1]]
        total = len(chosen)
        if total > MOST_CHOSEN:
            raise TooMany(MOST_CHOSEN)
    return start_job(
        RESCORE,
        workspace=workspace,
        by=by,
        name=f"Score {total:,} conversation{'' if total == 1 else 's'} again",
        parameters={} if chosen is None else {"ids": chosen},
        total=total,
        sent=sent,
    )


def list_scorable(workspace: UUID) -> ConversationQuerySet:
    """The newest versions with turns."""
    return Conversation.objects.filter(workspace=workspace, is_head=True, turn_count__gt=0)


# --- run -------------------------------------------------------------------------------------------------


def run(job: RunningJob) -> None:
    while keys := read_next_keys(job):
        thresholds = Thresholds.of(job.workspace)
        scored = list(_score(keys, thresholds))
        with job.step() as step:
            changes = _store(scored, thresholds, job)
            step.done = len(scored)
            step.place = {"after": str(scored[-1].key)}
            step.result = {"scored": len(scored), **changes.count()}
        for key in changes.to_compare:
            compare(key)


def describe(result: Mapping[str, Any], done: int) -> End:
    scored, changed = count(result, "scored"), count(result, "changed_scores")
    return End(
        f"Finished: {count_words(scored, 'conversation')} scored, {count_words(changed, 'score')} changed.",
        scored,
    )


def read_next_keys(job: RunningJob) -> list[UUID]:
    """The next keys in their order. Which ones were chosen was settled at the start."""
    rows = list_scorable(job.workspace)
    if after := job.place.get("after"):
        rows = rows.filter(pk__gt=after)
    if (chosen := job.parameters.get("ids")) is not None:
        rows = rows.filter(pk__in=[key for key in chosen if key > (after or "")][:AT_ONCE])
    return list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])


def _score(keys: Sequence[UUID], thresholds: Thresholds) -> Iterator[Scored]:
    """The new columns of each, as if it had no flags yet; of the first ones only, when they take long."""
    made_with = dict(Conversation.objects.filter(pk__in=keys).values_list("pk", "template_version"))
    versions = TemplateVersion.objects.in_bulk({each for each in made_with.values() if each})
    turns = _read_turns(keys)
    ends_at = time.monotonic() + STEP_S
    for number, key in enumerate(keys):
        if number and time.monotonic() > ends_at:
            return
        version = versions.get(made_with.get(key))
        yield Scored(key, score_turns(turns[key], version=version, thresholds=thresholds))


def _read_turns(keys: Sequence[UUID]) -> Mapping[UUID, list[TurnDraft]]:
    texts: dict[Any, list[TurnDraft]] = defaultdict(list)
    rows = Turn.objects.filter(conversation__in=keys).order_by("conversation", "turn_number")
    for key, role, content in rows.values_list("conversation", "role", "content"):
        texts[key].append(TurnDraft(role, content))
    return texts


class Changes:
    """What a step has changed: entries for the history, the keys that are to be compared, and the numbers for people."""

    def __init__(self) -> None:
        self.entries: list[Change] = []
        self.to_compare: list[UUID] = []
        self.moved = self.marked = 0

    def count(self) -> dict[str, int]:
        scores = sum("score" in entry.after for entry in self.entries)
        return {"changed_scores": scores, "moved": self.moved, "flagged_since_decision": self.marked}


def _store(scored: Sequence[Scored], thresholds: Thresholds, job: RunningJob) -> Changes:
    """Lock the rows in the order of their ids, and change what differs. Rows that are gone or replaced are left alone."""
    columns = dict(scored)
    rows = list(
        Conversation.objects.select_for_update(no_key=True)
        .filter(pk__in=columns, workspace=job.workspace, is_head=True)
        .order_by("pk")
    )
    standing, changes = _find_standing(rows), Changes()
    for row in rows:
        _store_one(row, columns[row.pk], thresholds, standing, changes)
    record_many(
        changes.entries,
        action=Action.RESCORE,
        kind=TargetKind.CONVERSATION,
        by=job.by,
        workspace=job.workspace,
    )
    return changes


def _store_one(
    row: Conversation,
    columns: Mapping[str, Any],
    thresholds: Thresholds,
    standing: set[str],
    changes: Changes,
) -> None:
    before = read_flags(row.flags)
    flags = arrange([*_keep(before, standing), *read_flags(columns["flags"])])
    new: dict[str, Any] = {
        **columns,
        "status": row.status,
        "flags": [flag.to_json() for flag in flags],
        "flag_count": len(flags),
        "quality_metrics": dict(columns["quality_metrics"]),
    }
    if new["bands"] != (row.bands or []) or row.bands is None:
        new["compared_at"] = None
        changes.to_compare.append(row.pk)
    elif "uniqueness" in row.quality_metrics:
        new["quality_metrics"]["uniqueness"] = row.quality_metrics["uniqueness"]
    route = choose_status(flags, new["quality_score"], thresholds)
    if row.decided_at is None and row.status in AWAITING_REVIEW:
        new["status"] = route
    elif row.decided_at is not None and _is_worse(row, before, flags, route, thresholds):
        new["flagged_since_decision"] = True
    _update(row, new, changes)


def _is_worse(
    row: Conversation, before: Sequence[Flag], flags: Sequence[Flag], route: Status, thresholds: Thresholds
) -> bool:
    """Whether somebody who has decided about it should know: a hard flag of a new kind, or a sunk score of an approved one."""
    known = {flag.kind for flag in before}
    if is_hard([flag for flag in flags if flag.kind not in known]):
        return True
    if row.status != Status.APPROVED or row.quality_score is None:
        return False
    return RANKS[route] > RANKS[choose_status(before, row.quality_score, thresholds)]


def _update(row: Conversation, new: Mapping[str, Any], changes: Changes) -> None:
    old = {name: getattr(row, name) for name in new}
    _, differing = find_differences(old, new)
    if not differing:
        return
    Conversation.objects.filter(pk=row.pk).update(**differing)
    changes.moved += "status" in differing
    changes.marked += "flagged_since_decision" in differing
    history = {"score": "quality_score", "status": "status"}
    told = {name: column for name, column in history.items() if column in differing}
    if told:
        changes.entries.append(
            Change(
                row.pk,
                row.conversation_id,
                {name: old[column] for name, column in told.items()},
                {name: new[column] for name, column in told.items()},
            )
        )


def _keep(flags: Sequence[Flag], standing: set[str]) -> list[Flag]:
    """The flags that do not follow from the turns: what reading the reply found, and near-duplicates that are still there."""
    return [
        flag
        for flag in flags
        if flag.kind == ROLE_LABELS or (flag.kind == NEAR_DUPLICATE and flag.of in standing)
    ]


def _find_standing(rows: Sequence[Conversation]) -> set[str]:
    """Of the conversations that these rows are near-duplicates of, those that can still be read."""
    named = {
        flag.of for row in rows for flag in read_flags(row.flags) if flag.kind == NEAR_DUPLICATE and flag.of
    }
    there = Conversation.objects.filter(pk__in=named, is_head=True).exclude(status=Status.ARCHIVED)
    return {str(key) for key in there.values_list("pk", flat=True)} if named else set()
