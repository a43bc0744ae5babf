"""Every action that takes `by=`, ready to be done once: what each makes beforehand, and what the audit log must tell.

An action is found by its dotted name; `test_audited.py` checks that no action of the sources is missing here.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from background import actions as background
from conversations import bulk, changes, thresholds, versions
from conversations.jobs import bulk as bulk_jobs
from conversations.jobs import rescore
from conversations.judging import rubric
from conversations.judging.rubric import load_shipped_criteria
from conversations.models import Conversation
from conversations.states import BulkAction, Status
from conversations.thresholds import Thresholds
from provider import check, keys, table
from templates_app.library import editing as rows
from templates_app.library import importing
from templates_app.packs import importing as packs_importing
from templates_app.packs import installing, template_file
from templates_app.prompts import editing as templates
from templates_app.states import EntryKind, Tier
from tests import factories
from tests.guards.audited_batches import BATCHES
from tests.guards.audited_case import PLANTED, Act, Case, Stage, content
from tests.guards.audited_exports import EXPORTS
from tests.guards.audited_people import PEOPLE
from workspaces.models import User
from workspaces.states import Action, TargetKind

# --- conversations -------------------------------------------------------------------------------------


def conversation(verb: str, status: Status, action: Action, **given: Any) -> Case:
    def ready(stage: Stage) -> Act:
        made = factories.make_conversation(by=stage.owner, status=status, turns=[PLANTED, PLANTED])
        return lambda by: getattr(made, verb)(by=by, **given)

    return Case(f"conversations.models.reviewed.ReviewedModel.{verb}", ready, action, TargetKind.CONVERSATION)


def undo(stage: Stage) -> Act:
    made = factories.make_conversation(by=stage.owner, status=Status.PENDING_REVIEW, turns=[PLANTED, PLANTED])
    made.reject(by=stage.owner, note=PLANTED)
    newest = made.decisions.get()
    return lambda by: made.undo(newest, by=by)


def edit(stage: Stage) -> Act:
    made = factories.make_conversation(by=stage.owner, status=Status.GENERATED, turns=[PLANTED, PLANTED])
    return lambda by: versions.edit(made, {2: f"{PLANTED} and more"}, by=by, note=PLANTED)


def delete_for_good(stage: Stage) -> Act:
    made = factories.make_conversation(by=stage.owner, status=Status.GENERATED, turns=[PLANTED, PLANTED])
    return lambda by: changes.delete_for_good(made, by=by)


def decide_chosen(action: BulkAction, status: Status, audited: Action) -> Case:
    def ready(stage: Stage) -> Act:
        made = [factories.make_conversation(by=stage.owner, status=status, turns=[PLANTED]) for _ in range(3)]
        rows, ids = Conversation.objects.visible_to(stage.owner), [row.pk for row in made]
        return lambda by: bulk.decide_chosen(rows, ids, action, by=by, note=PLANTED)

    return Case("conversations.bulk.decide_chosen", ready, audited, TargetKind.CONVERSATION)


def decide_matching(stage: Stage) -> Act:
    for _ in range(3):
        factories.make_conversation(by=stage.owner, status=Status.PENDING_REVIEW, turns=[PLANTED])
    rows = Conversation.objects.visible_to(stage.owner).undecided()
    return lambda by: bulk.decide_matching(rows, 3, BulkAction.APPROVE, by=by, note=PLANTED)


def change_thresholds(stage: Stage) -> Act:
    factories.make_conversation(by=stage.owner, status=Status.PENDING_REVIEW, quality_score=Decimal("7.0"))
    wanted = Thresholds(Decimal("5.0"), Decimal("7.0"))
    return lambda by: thresholds.change_thresholds(workspace=stage.home, wanted=wanted, by=by)


def bring_back(stage: Stage) -> Act:
    made = factories.make_conversation(by=stage.owner, status=Status.GENERATED, turns=[PLANTED, PLANTED])
    versions.edit(made, {2: f"{PLANTED} and more"}, by=stage.owner)
    made.refresh_from_db()
    return lambda by: versions.bring_back(made, by=by)


CONVERSATIONS = [
    conversation(
        "override_score", Status.GENERATED, Action.OVERRIDE_SCORE, score=Decimal("7.5"), note=PLANTED
    ),
    Case("conversations.models.reviewed.ReviewedModel.undo", undo, Action.UNDO, TargetKind.CONVERSATION),
    conversation("write_notes", Status.GENERATED, Action.WRITE_NOTES, notes=PLANTED),
    Case("conversations.changes.delete_for_good", delete_for_good, Action.REMOVE, TargetKind.CONVERSATION),
    decide_chosen(BulkAction.REJECT, Status.PENDING_REVIEW, Action.REJECT),
    decide_chosen(BulkAction.DELETE, Status.PENDING_REVIEW, Action.REMOVE),
    Case("conversations.bulk.decide_matching", decide_matching, Action.APPROVE, TargetKind.CONVERSATION),
    Case(
        "conversations.thresholds.change_thresholds", change_thresholds, Action.CHANGE, TargetKind.WORKSPACE
    ),
    Case("conversations.versions.edit", edit, Action.EDIT, TargetKind.CONVERSATION),
    Case("conversations.versions.bring_back", bring_back, Action.BRING_BACK, TargetKind.CONVERSATION),
    conversation("approve", Status.PENDING_REVIEW, Action.APPROVE, note=PLANTED),
    conversation("reject", Status.PENDING_REVIEW, Action.REJECT, note=PLANTED),
    conversation("send_back", Status.PENDING_REVIEW, Action.SEND_BACK, note=PLANTED),
    conversation("archive", Status.PENDING_REVIEW, Action.ARCHIVE),
    conversation("restore", Status.ARCHIVED, Action.RESTORE),
]


# --- background jobs -----------------------------------------------------------------------------------


def start_background_job(stage: Stage) -> Act:
    home, given = stage.home, {"note": PLANTED}
    return lambda by: background.start_job(
        "rescore", workspace=home, by=by, name="Score again", parameters=given
    )


def score_again(stage: Stage) -> Act:
    factories.make_conversation(by=stage.owner, status=Status.PENDING_REVIEW, turns=[PLANTED, PLANTED])
    return lambda by: rescore.start_rescore(workspace=stage.home, by=by)


def decide_about_chosen(stage: Stage) -> Act:
    made = [factories.make_conversation(by=stage.owner, turns=[PLANTED]) for _ in range(3)]
    rows, ids = Conversation.objects.visible_to(stage.owner), [row.pk for row in made]
    return lambda by: bulk_jobs.decide_about_chosen(rows, ids, BulkAction.REJECT, by=by, note=PLANTED)


def decide_about_matching(stage: Stage) -> Act:
    """So few are decided at once; a job of more is started by `start_job`, which records itself."""
    factories.make_conversation(by=stage.owner, turns=[PLANTED])
    rows = Conversation.objects.visible_to(stage.owner)
    return lambda by: bulk_jobs.decide_about_matching(rows, 1, BulkAction.REJECT, by=by, note=PLANTED)


def cancel_background_job(stage: Stage) -> Act:
    made = background.start_job("rescore", workspace=stage.home, by=stage.owner, name="Score again")
    return lambda by: background.cancel_job(made, by=by)


BACKGROUND = [
    Case("background.actions.start_job", start_background_job, Action.START, TargetKind.BACKGROUND_JOB),
    Case("conversations.jobs.rescore.start_rescore", score_again, Action.START, TargetKind.BACKGROUND_JOB),
    Case(
        "conversations.jobs.bulk.decide_about_chosen",
        decide_about_chosen,
        Action.REJECT,
        TargetKind.CONVERSATION,
    ),
    Case(
        "conversations.jobs.bulk.decide_about_matching",
        decide_about_matching,
        Action.REJECT,
        TargetKind.CONVERSATION,
    ),
    Case("background.actions.cancel_job", cancel_background_job, Action.CANCEL, TargetKind.BACKGROUND_JOB),
]


# --- templates and the library -------------------------------------------------------------------------


def template(name: str, act: Callable[[Stage], Act], action: Action) -> Case:
    return Case(f"templates_app.{name}", act, action, TargetKind.TEMPLATE)


def create(stage: Stage) -> Act:
    home = stage.home
    return lambda by: templates.create(home, name="New", tier=Tier.TEMPLATE, content=content(""), by=by)


def import_template(stage: Stage) -> Act:
    home, given = stage.home, template_file.dump(name="Filed", tier=Tier.TEMPLATE, content=content(""))
    return lambda by: packs_importing.import_template(home, given, by=by)


def restore_template(stage: Stage) -> Act:
    stage.template.archive(by=stage.owner)
    return lambda by: stage.template.restore(by=by)


def publish_draft(stage: Stage) -> Act:
    found = stage.open_template()
    return lambda by: templates.publish_draft(found, note=PLANTED, by=by)


def publish(stage: Stage) -> Act:
    version = stage.open_template().newest_version()
    assert version is not None
    return lambda by: version.publish(by=by, note=PLANTED)


def roll_back(stage: Stage) -> Act:
    templates.publish_draft(stage.open_template(), note="more", by=stage.owner)
    return lambda by: templates.roll_back(stage.template, to=1, note=PLANTED, by=by)


def discard_draft(stage: Stage) -> Act:
    found = stage.open_template()
    return lambda by: templates.discard_draft(found, by=by)


TEMPLATES = [
    template("prompts.editing.create", create, Action.CREATE),
    template(
        "prompts.editing.rename",
        lambda stage: lambda by: templates.rename(stage.template, name="Other", tier=Tier.TEMPLATE, by=by),
        Action.RENAME,
    ),
    template(
        "prompts.editing.save_draft",
        lambda stage: lambda by: templates.save_draft(stage.template, content("more"), by=by),
        Action.SAVE_DRAFT,
    ),
    template("prompts.editing.publish_draft", publish_draft, Action.PUBLISH),
    template("prompts.editing.discard_draft", discard_draft, Action.DISCARD),
    template("prompts.editing.roll_back", roll_back, Action.ROLL_BACK),
    template(
        "prompts.editing.duplicate",
        lambda stage: lambda by: templates.duplicate(stage.template, into=stage.home, by=by),
        Action.DUPLICATE,
    ),
    template("packs.importing.import_template", import_template, Action.IMPORT),
    template(
        "models.templates.PromptTemplate.archive",
        lambda stage: lambda by: stage.template.archive(by=by),
        Action.ARCHIVE,
    ),
    template("models.templates.PromptTemplate.restore", restore_template, Action.RESTORE),
    template(
        "models.templates.PromptTemplate.allow_diversity",
        lambda stage: lambda by: stage.template.allow_diversity(False, by=by),
        Action.CHANGE,
    ),
    template("models.templates.TemplateVersion.publish", publish, Action.PUBLISH),
]


def scenario(name: str, act: Callable[[Stage, Any, User | None], Any], action: Action) -> Case:
    def ready(stage: Stage) -> Act:
        row = factories.make_scenario(workspace=stage.home, context=PLANTED, topic=PLANTED)
        return lambda by: act(stage, row, by)

    return Case(f"templates_app.{name}", ready, action, TargetKind.SCENARIO)


def restore_row(stage: Stage) -> Act:
    row = factories.make_edge_case(workspace=stage.home, context=PLANTED)
    row.archive(by=stage.owner)
    return lambda by: row.restore(by=by)


def move_option(stage: Stage) -> Act:
    first, _ = (factories.make_option(workspace=stage.home, position=place) for place in (1, 2))
    return lambda by: rows.move(first, steps=1, by=by)


def import_rows(stage: Stage) -> Act:
    kept = factories.make_import_file(by=stage.owner, content=f"name,topic\nmine,{PLANTED}\n".encode())
    seen = importing.preview_file(
        bytes(kept.content), name=kept.name, kind=EntryKind.SCENARIO, workspace=stage.home
    )
    return lambda by: importing.import_file(kept, digest=seen.digest, by=by)  # type: ignore[arg-type]


def install_pack(stage: Stage) -> Act:
    home = stage.home
    return lambda by: installing.install_pack(home, by=by)


NEW_ROW = {"name": "Mine", "topic": PLANTED, "context": PLANTED}
OTHER_TEXTS = {"name": "Renamed", "context": f"{PLANTED} and more", "tags": [PLANTED]}
LIBRARY = [
    scenario(
        "library.editing.make",
        lambda stage, _, by: rows.make(EntryKind.SCENARIO, stage.home, NEW_ROW, by=by),
        Action.CREATE,
    ),
    scenario(
        "library.editing.change", lambda _, row, by: rows.change(row, OTHER_TEXTS, by=by), Action.CHANGE
    ),
    scenario("library.editing.duplicate", lambda _, row, by: rows.duplicate(row, by=by), Action.DUPLICATE),
    scenario("models.situations.LibraryEntry.archive", lambda _, row, by: row.archive(by=by), Action.ARCHIVE),
    Case(
        "templates_app.models.situations.LibraryEntry.restore",
        restore_row,
        Action.RESTORE,
        TargetKind.EDGE_CASE,
    ),
    Case("templates_app.library.editing.move", move_option, Action.MOVE, TargetKind.OPTION),
    Case("templates_app.library.importing.import_file", import_rows, Action.IMPORT, TargetKind.IMPORT_FILE),
    Case("templates_app.packs.installing.install_pack", install_pack, Action.IMPORT, TargetKind.PACK),
]


# --- the judge, the model table, the provider -----------------------------------------------------------------


def publish_table(stage: Stage) -> Act:
    factories.make_price(model=factories.make_model())
    return lambda by: table.publish(by=by)


def enter_key(_: Stage) -> Act:
    return lambda by: keys.enter_key(name="", api_key=f"sk-ant-{PLANTED}", by=by)


def remove_key(_: Stage) -> Act:
    keys.enter_key(name="", api_key=f"sk-ant-{PLANTED}", by=None)
    return lambda by: keys.remove_key(name="", by=by)


def enter_own_key(stage: Stage) -> Act:
    return lambda by: keys.enter_own_key(workspace=stage.home, api_key=f"sk-ant-{PLANTED}", by=by)


def remove_own_key(stage: Stage) -> Act:
    keys.enter_own_key(workspace=stage.home, api_key=f"sk-ant-{PLANTED}", by=None)
    return lambda by: keys.remove_own_key(workspace=stage.home, by=by)


def change_rubric(stage: Stage) -> Act:
    criteria = {**load_shipped_criteria(), "accuracy": PLANTED}
    return lambda by: rubric.change_rubric(workspace=stage.home, criteria=criteria, by=by)


WORKSPACES = [
    Case(
        "conversations.judging.rubric.change_rubric",
        change_rubric,
        Action.CHANGE_RUBRIC,
        TargetKind.WORKSPACE,
    ),
    Case("provider.table.publish", publish_table, Action.PUBLISH, TargetKind.MODEL_TABLE),
    Case("provider.keys.enter_key", enter_key, Action.CHANGE, TargetKind.PROVIDER),
    Case("provider.keys.remove_key", remove_key, Action.CHANGE, TargetKind.PROVIDER),
    Case("provider.keys.enter_own_key", enter_own_key, Action.CHANGE, TargetKind.PROVIDER),
    Case("provider.keys.remove_own_key", remove_own_key, Action.CHANGE, TargetKind.PROVIDER),
    Case("provider.check.check", lambda _: lambda by: check.check(by=by), Action.CHECK, TargetKind.PROVIDER),
]


CASES = [*BATCHES, *BACKGROUND, *CONVERSATIONS, *TEMPLATES, *LIBRARY, *WORKSPACES, *PEOPLE, *EXPORTS]
