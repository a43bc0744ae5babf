"""Many rows of every table that has an admin page."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Model

from background.models import BackgroundJob, JobRequest
from batches.models import (
    BatchItem,
    BatchJob,
    CachedPrefix,
    CallStop,
    GenerationLog,
    Notice,
    PaidRequest,
    PromptSize,
    ProviderPool,
    RateLimit,
    Repair,
    SpendingMonth,
    Webhook,
    Worker,
)
from batches.models.states import ItemStatus, LogState
from conversations.judging.rubric import change_rubric, find_rubric
from conversations.models import (
    Conversation,
    Decision,
    DimensionScore,
    IdCounter,
    Judgement,
    Rubric,
    SavedView,
    Turn,
)
from conversations.states import Status
from exports.models import Export, ExportItem, HubToken, ImportedFile
from lorapipe.operation.models import SlowStatement
from provider.account import name_own_key
from provider.models import ProviderKey
from review.actions import answer_judge, assign, comment, save_draft, skip, take_lock
from review.models import Answer, Assignment, Comment, Draft, Lock, Skip
from templates_app.models import (
    EdgeCase,
    ImportFile,
    Option,
    PromptTemplate,
    Scenario,
    TemplateVersion,
)
from tests import factories
from tests.workspaces.many_days import DAY_MAKERS
from workspaces.actions import create_sign_in_link
from workspaces.models import ApiToken, AuditEntry, Membership, SignInLink, User, UseStatement, Workspace
from workspaces.states import Action, Authorisation, Scope, TargetKind


def many_users(rows: int) -> None:
    User.objects.bulk_create(User(username=f"many{number}") for number in range(rows))


def many_workspaces(rows: int) -> None:
    Workspace.objects.bulk_create(Workspace(name=f"w {number}") for number in range(rows))


def many_members(rows: int) -> None:
    many_users(rows)
    workspace = factories.make_workspace()
    Membership.objects.bulk_create(
        Membership(workspace=workspace, user=user)
        for user in User.objects.filter(username__startswith="many")
    )


def many_tokens(rows: int) -> None:
    user = factories.make_user()
    ApiToken.objects.bulk_create(
        ApiToken(user=user, name=f"token {number}", token_hash=f"{number:064}", scope=Scope.RUN)
        for number in range(rows)
    )


def many_saved_views(rows: int) -> None:
    for number in range(rows):
        factories.make_saved_view(name=f"view {number}")


def many_links(rows: int) -> None:
    user = factories.make_user()
    for _ in range(rows):
        create_sign_in_link(user)


def many_templates(rows: int) -> None:
    workspace = factories.make_workspace()
    for _ in range(rows):
        factories.make_template(workspace=workspace)


def many_versions(rows: int) -> None:
    template = factories.make_template()
    for _ in range(rows):
        factories.make_version(template=template)


def many_conversations(rows: int) -> None:
    job = factories.make_job(items=rows)
    for item in job.items.select_related("workspace", "template_version"):
        factories.make_conversation(item=item, turns=1)


def many_jobs(rows: int) -> None:
    workspace = factories.make_workspace()
    for _ in range(rows):
        factories.make_job(workspace=workspace)


def many_items(rows: int) -> None:
    job = factories.make_job(items=rows - 1)
    factories.make_item(job=job, status=ItemStatus.PROCESSING)


def many_logs(rows: int) -> None:
    for item in factories.make_job(items=rows).items.all():
        factories.make_log(item=item, state=LogState.SUCCEEDED)


def many_workers(rows: int) -> None:
    for _ in range(rows):
        factories.make_worker()


def many_limits(rows: int) -> None:
    for number in range(rows):
        factories.make_rate_limit(pool=f"pool {number}")


def many_pools(rows: int) -> None:
    ProviderPool.objects.bulk_create(ProviderPool(pool=f"pool {number}") for number in range(rows))


def many_notices(rows: int) -> None:
    job = factories.make_job()
    Notice.objects.bulk_create(
        Notice(workspace=job.workspace, job=job, status="completed") for _ in range(rows)
    )


def many_webhooks(rows: int) -> None:
    for number in range(rows):
        Webhook.objects.create(workspace=factories.make_workspace(), url=f"https://example.com/{number}")


def many_paid_requests(rows: int) -> None:
    job = factories.make_job()
    PaidRequest.objects.bulk_create(
        PaidRequest(workspace=job.workspace, job=job, created_by=job.created_by, key=f"k {number}")
        for number in range(rows)
    )


def many_job_requests(rows: int) -> None:
    job = factories.make_background_job(by=factories.make_user())
    JobRequest.objects.bulk_create(
        JobRequest(workspace=job.workspace, job=job, created_by=job.created_by, key=f"j {number}")
        for number in range(rows)
    )


def many_sizes(rows: int) -> None:
    for _ in range(rows):
        factories.make_prompt_size(samples=[{"values": {"topic": "<b>x</b>" * 500}, "details": {}}])


def many_repairs(rows: int) -> None:
    job = factories.make_job()
    Repair.objects.bulk_create(
        Repair(workspace=job.workspace, job=job, rule="I3", subject=f"row {number}", before="1", after="0")
        for number in range(rows)
    )


def many_months(rows: int) -> None:
    SpendingMonth.objects.bulk_create(
        SpendingMonth(workspace=factories.make_workspace(), month=date(2026, 11, 1), demo=True)
        for _ in range(rows)
    )


def many_prefixes(rows: int) -> None:
    template = factories.make_template()
    job, version = factories.make_job(workspace=template.workspace), template.versions.get()
    for number in range(rows):
        version = version if not number else factories.make_version(template=template)
        CachedPrefix.objects.create(job=job, template_version=version)


def many_call_stops(rows: int) -> None:
    CallStop.objects.bulk_create(CallStop(reason=f"reason {number}") for number in range(rows))


def many_statements(rows: int) -> None:
    workspace = factories.make_workspace()
    UseStatement.objects.bulk_create(
        UseStatement(workspace=workspace, purpose=f"use {number}", authorisation=Authorisation.NARROW)
        for number in range(rows)
    )


def many_counters(rows: int) -> None:
    workspace = factories.make_workspace()
    IdCounter.objects.bulk_create(IdCounter(workspace=workspace, slug=f"s{number}") for number in range(rows))


def many_groups(rows: int) -> None:
    Group.objects.bulk_create(Group(name=f"g {number}") for number in range(rows))


def many_situations(model: Any) -> Callable[[int], None]:
    def make(rows: int) -> None:
        template = factories.make_template()
        workspace = template.workspace
        model.objects.bulk_create(
            model(workspace=workspace, template=template, name=f"s {number}", topic="t", tags=["a"])
            for number in range(rows)
        )

    return make


def many_options(rows: int) -> None:
    workspace = factories.make_workspace()
    Option.objects.bulk_create(
        Option(workspace=workspace, kind="tone", name=f"o {number}") for number in range(rows)
    )


def many_files(rows: int) -> None:
    for _ in range(rows):
        factories.make_import_file()


def many_imported_files(rows: int) -> None:
    for _ in range(rows):
        factories.make_imported_file()


def many_entries(rows: int) -> None:
    user, workspace = factories.make_user(), factories.make_workspace()
    AuditEntry.objects.bulk_create(
        AuditEntry(
            workspace=workspace,
            who=user,
            who_name=user.username,
            action=Action.PAUSE,
            target_kind=TargetKind.BATCH,
            target_name=f"batch {number}",
        )
        for number in range(rows)
    )


def many_decisions(rows: int) -> None:
    user = factories.make_user()
    for _ in range(rows):
        factories.make_conversation(by=user, status=Status.GENERATED).approve(by=user, note="Good")


def many_reviews(rows: int) -> None:
    """A lock, an assignment, a skip, a draft and a comment for each of as many conversations."""
    user = factories.make_user()
    for _ in range(rows):
        made = factories.make_conversation(by=user, turns=["Hi?", "Hello."])
        take_lock(made, user=user)
        assign(made, to=user, by=user)
        skip(made, user=user)
        take_lock(made, user=user)
        save_draft(made, turn=1, text="Hey?", user=user)
        comment(made, turn=1, text="Is it?", by=user)


def many_judgements(rows: int) -> None:
    """Each of a conversation of its own, with an answer to its first dimension."""
    user = factories.make_user()
    for _ in range(rows):
        made = factories.make_judgement(
            conversation=factories.make_conversation(by=user, turns=["Hi?", "Hello."])
        )
        answer_judge(made.scores.all()[0], value=7, by=user)


def many_rubrics(rows: int) -> None:
    user = factories.make_user()
    workspace = user.personal_workspace()
    for number in range(rows):
        criteria = dict(find_rubric(workspace).criteria)
        first = next(iter(criteria))
        change_rubric(workspace=workspace, criteria={**criteria, first: f"Criterion {number}"}, by=user)


def many_background_jobs(rows: int) -> None:
    user = factories.make_user()
    for _ in range(rows):
        factories.make_background_job(by=user)


def many_exports(rows: int) -> None:
    user = factories.make_user()
    for _ in range(rows):
        factories.make_export(by=user, items=1)


def many_hub_tokens(rows: int) -> None:
    for _ in range(rows):
        user = factories.make_user()
        HubToken.objects.create(workspace=user.personal_workspace(), encrypted_key="x", created_by=user)


def many_provider_keys(rows: int) -> None:
    for _ in range(rows):
        user = factories.make_user()
        home = user.personal_workspace()
        ProviderKey.objects.create(
            name=name_own_key(home.pk),
            workspace=home,
            encrypted_key="x",
            address="https://x",
            created_by=user,
        )


def many_slow_statements(rows: int) -> None:
    SlowStatement.objects.bulk_create(
        SlowStatement(
            fingerprint=f"{number}",
            process="web",
            statement="SELECT a",
            calls=1,
            total_ms=1,
            longest_ms=1,
            last_at="2026-01-01T00:00Z",
        )
        for number in range(rows)
    )


MAKERS: dict[type[Model], Callable[[int], None]] = {
    User: many_users,
    Group: many_groups,
    Workspace: many_workspaces,
    Membership: many_members,
    ApiToken: many_tokens,
    AuditEntry: many_entries,
    SignInLink: many_links,
    SavedView: many_saved_views,
    PromptTemplate: many_templates,
    TemplateVersion: many_versions,
    Scenario: many_situations(Scenario),
    EdgeCase: many_situations(EdgeCase),
    Option: many_options,
    ImportFile: many_files,
    ImportedFile: many_imported_files,
    Conversation: many_conversations,
    Turn: many_conversations,
    IdCounter: many_counters,
    BatchJob: many_jobs,
    BatchItem: many_items,
    GenerationLog: many_logs,
    RateLimit: many_limits,
    ProviderPool: many_pools,
    Notice: many_notices,
    Webhook: many_webhooks,
    PaidRequest: many_paid_requests,
    JobRequest: many_job_requests,
    PromptSize: many_sizes,
    Repair: many_repairs,
    SpendingMonth: many_months,
    CachedPrefix: many_prefixes,
    CallStop: many_call_stops,
    **DAY_MAKERS,
    SlowStatement: many_slow_statements,
    UseStatement: many_statements,
    Worker: many_workers,
    Decision: many_decisions,
    Rubric: many_rubrics,
    BackgroundJob: many_background_jobs,
    **dict.fromkeys((Export, ExportItem), many_exports),
    HubToken: many_hub_tokens,
    ProviderKey: many_provider_keys,
    **dict.fromkeys((Judgement, DimensionScore, Answer), many_judgements),
    **dict.fromkeys((Lock, Assignment, Skip, Draft, Comment), many_reviews),
}
READ_ONLY = (
    *(ApiToken, AuditEntry, SignInLink, SavedView, Turn, IdCounter, ImportFile, ImportedFile),
    *(
        BatchJob,
        BatchItem,
        GenerationLog,
        Notice,
        PromptSize,
        ProviderPool,
        RateLimit,
        SpendingMonth,
        UseStatement,
        CachedPrefix,
        Webhook,
        Worker,
    ),
    *(Decision, Lock, Assignment, Skip, Draft, Comment),
    *(Judgement, DimensionScore, Answer, Rubric, BackgroundJob, Export, ExportItem, HubToken, ProviderKey),
    *DAY_MAKERS,
)
