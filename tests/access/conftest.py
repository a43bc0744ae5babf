"""One row of each kind that is A's, and B, who is to see none of them."""

import pytest
from django.test import Client

from analytics.rolling import roll_up
from batches.models.states import ItemStatus
from review.actions import comment
from templates_app.models import PromptTemplate
from tests.access.walking import MARK, Belongings
from tests.factories import (
    make_background_job,
    make_conversation,
    make_edge_case,
    make_export,
    make_import_file,
    make_imported_file,
    make_item,
    make_job,
    make_judgement,
    make_log,
    make_member,
    make_option,
    make_saved_view,
    make_scenario,
    make_token,
    make_user,
)
from tests.support.starter_pack import bring_starter_pack
from workspaces.models import ApiToken, User


@pytest.fixture
def theirs() -> Belongings:
    user = make_user(username=f"{MARK}-user")
    job = make_job(by=user, name=f"{MARK}-job", total_items=2)
    item = make_item(job=job, status=ItemStatus.COMPLETED, topic=f"{MARK}-topic")
    make_item(job=job, topic=f"{MARK}-topic")
    made = make_conversation(
        item=item,
        title=f"{MARK}-title",
        turns=[f"{MARK}-turn", "Yes."],
        persona=f"{MARK}-persona",
        emotion=f"{MARK}-emotion",
    )
    make_log(item=item, conversation=made)
    template = item.made_from.template
    PromptTemplate.objects.filter(pk=template.pk).update(name=f"{MARK}-template")
    home = user.personal_workspace()
    scenario = make_scenario(workspace=home, name=f"{MARK}-scenario", context=f"{MARK}-context")
    # The pages of the three kinds have one place for a row: A's rows have one key.
    edge_case = make_edge_case(pk=scenario.pk, workspace=home, name=f"{MARK}-edge-case", tags=[f"{MARK}-tag"])
    option = make_option(pk=scenario.pk, workspace=home, name=f"{MARK}-option")
    kept = make_import_file(by=user, name=f"{MARK}-file.csv")
    places = {"job_id": job.pk, "conversation_id": made.pk, "item_id": item.pk, "id": user.pk}
    said = comment(made, turn=1, text=f"{MARK}-comment", by=user)
    judged = make_judgement(conversation=made)
    places |= {
        "score_id": judged.scores.all()[0].pk,
        "comment_id": said.pk,
        "background_id": make_background_job(by=user, name=f"{MARK}-background").pk,
        "export_id": make_export(by=user, name=f"{MARK}-export", items=1).pk,
        "template_id": template.pk,
        "entry_id": scenario.pk,
        "import_id": kept.pk,
        "file_id": make_imported_file(by=user, name=f"{MARK}-talks.jsonl").pk,
        "workspace_id": home.pk,
        "member_id": make_member(workspace=home, user=make_user(username=f"{MARK}-member")).pk,
        "view_id": make_saved_view(user=user, name=f"{MARK}-view").pk,
        "token_id": make_named_token(user).pk,
    }
    rows = [scenario, edge_case, option]
    roll_up(everything=True)
    return Belongings(user, job, made, template, rows, {name: str(value) for name, value in places.items()})


def make_named_token(user: User) -> ApiToken:
    make_token(user=user, name=f"{MARK}-token")
    return ApiToken.objects.get(user=user)


@pytest.fixture
def stranger() -> Client:
    """B, by session, who has rows and templates of his own."""
    user = make_user()
    bring_starter_pack(user.personal_workspace())
    make_conversation(item=make_item(job=make_job(by=user, total_items=1)))
    client = Client()
    client.force_login(user)
    return client
