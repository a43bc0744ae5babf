"""Make a conversation anew: the form of "Generate one", filled with its values, with an instruction and the turn to begin at."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from batches.actions.jobs import by_idempotency_key
from batches.actions.regenerate import find_running, regenerate_one
from batches.actions.single import item_of
from batches.planning.estimate.estimate import CANNOT_PRICE
from batches.planning.plan import PlanError, PlannedItem
from batches.planning.sources.regenerated import find_versions, plan_again
from batches.web.fields import normalize_line_ends
from batches.web.posted import read_key
from batches.web.single import views
from batches.web.single.forms import SingleForm, format_value
from conversations.details import DetailsError, format_details
from conversations.models import Conversation
from lib.row_problems import RowProblem
from lib.stale_state import StaleState, Superseded
from templates_app.models import PromptTemplate, TemplateVersion
from workspaces.people import get_person

MOST_DIGITS = 6


@dataclass(kw_only=True)
class RegenerateForm(SingleForm):
    """The values of a conversation, what is to be different, and from which turn on."""

    own_fields: ClassVar[Mapping[str, tuple[str, str]]] = {
        "instruction": ("Instruction", "id_instruction"),
        "fromTurn": ("From turn", "id_from_turn"),
        "templateId": ("Template", "id_template"),
    }
    verb: ClassVar[str] = "Regenerate"
    conversation: Conversation
    instruction: str = ""
    from_turn: str = ""

    @property
    def address(self) -> str:
        return reverse("regenerate", args=[self.conversation.pk])

    @property
    def preview_address(self) -> str:
        return reverse("regenerate_preview", args=[self.conversation.pk])

    @property
    def from_turn_is_wrong(self) -> bool:
        return "From turn" in self.wrong

    def build_plan(self) -> list[PlannedItem] | None:
        """The plan of its new version. None when it cannot be made. Raises Superseded."""
        try:
            return plan_again(
                [self.conversation],
                version=self.version,
                parameters=self.values,
                details=self.read_details(),
                instruction=self.instruction,
                from_turn=self.read_from_turn(),
            )
        except DetailsError:
            return None
        except PlanError as wrong:
            self.add_problems(wrong)
            return None

    def read_from_turn(self) -> int | None:
        text = self.from_turn.strip()
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
            raise PlanError([RowProblem(None, "fromTurn", "Write the number of a turn, or leave it empty.")])
        return int(text)

    def list_refusals(self) -> list[str]:
        own = [each for label, _ in self.own_fields.values() for each in self.wrong.get(label, [])]
        return [*super().list_refusals(), *own]


def fill_form(conversation: Conversation, version: TemplateVersion, *, from_turn: str) -> RegenerateForm:
    """The form with the conversation's own values; those that the template no longer asks for become details."""
    (item,) = plan_again([conversation], version=version)
    return RegenerateForm(
        version=version,
        values={name: format_value(value) for name, value in item.parameters.items()},
        details_text=format_details(item.details),
        conversation=conversation,
        from_turn=from_turn,
    )


def read_form(conversation: Conversation, version: TemplateVersion, request: HttpRequest) -> RegenerateForm:
    sent = SingleForm.from_post(version, request.POST)
    return RegenerateForm(
        version=version,
        values=sent.values,
        others=sent.others,
        details_text=sent.details_text,
        conversation=conversation,
        instruction=normalize_line_ends(request.POST.get("instruction", "")),
        from_turn=request.POST.get("from_turn", ""),
    )


# --- the page -------------------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def regenerate_conversation(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """The form. POST `generate` starts the item, whose page becomes the new version; any other POST shows the form again."""
    found = find_conversation(request, conversation_id)
    if request.method == "POST" and (job := by_idempotency_key(get_person(request), read_key(request))):
        return redirect("item", item_of(job).pk)
    try:
        return render_page(request, found)
    except StaleState as stale:
        messages.error(request, str(stale))
        return redirect("conversation", found.pk)


def render_page(request: HttpRequest, found: Conversation) -> HttpResponse:
    """Raises StaleState for a conversation that cannot be made anew as it is now."""
    check_can_be_made(found)
    templates = list_templates(request, found)
    version = choose_version(request, found, templates)
    if version is None:
        messages.error(
            request, "There is no template with a published version in its workspace. Publish one first."
        )
        return redirect("conversation", found.pk)
    if version.template not in templates:
        templates.insert(0, version.template)
    if request.method != "POST":
        form = fill_form(found, version, from_turn=request.GET.get("from_turn", "")[:MOST_DIGITS])
        return render_form(request, form, templates)
    form = read_form(found, version, request)
    if request.POST.get("action") != "generate":
        return render_form(request, form, templates)
    plan = form.build_plan()
    if plan is None:
        return render_form(request, form, templates, status=422)
    try:
        views.check_version_was_shown(request, plan)
        item = regenerate_one(plan, by=get_person(request), key=read_key(request))
    except CANNOT_PRICE as wrong:
        form.add_problems(wrong)
        return render_form(request, form, templates, status=422)
    return redirect("item", item.pk)


@require_POST
@login_required
def preview_regeneration(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """The prompt as it would be sent, with its price."""
    found = find_conversation(request, conversation_id)
    templates = list_templates(request, found)
    version = choose_version(request, found, templates)
    if version is None or not found.is_head or not found.turn_count:
        return redirect("conversation", found.pk)
    return views.render_preview(request, read_form(found, version, request))


def render_form(
    request: HttpRequest, form: RegenerateForm, templates: list[PromptTemplate], *, status: int = 200
) -> HttpResponse:
    made = form.conversation
    return views.render_form(
        request, form, status=status, templates=templates, made=made, being_made=find_running(made)
    )


def find_conversation(request: HttpRequest, conversation_id: UUID) -> Conversation:
    found: Conversation = Conversation.objects.select_related("workspace").get_editable_or_403(
        request.user, conversation_id
    )
    return found


def check_can_be_made(found: Conversation) -> None:
    """Raises Superseded for a version that is not the current one, StaleState for one without a text."""
    if not found.is_head:
        raise Superseded("conversation")
    if not found.turn_count:
        raise StaleState("conversation", verb="regenerated, because it has no text yet", status=found.status)


def list_templates(request: HttpRequest, found: Conversation) -> list[PromptTemplate]:
    rows = views.list_usable_templates(request).filter(workspace=found.workspace_id)
    return list(rows[: views.MOST_TEMPLATES])


def choose_version(
    request: HttpRequest, found: Conversation, templates: list[PromptTemplate]
) -> TemplateVersion | None:
    """The published version of the template that the request names, else of its own, else of the first that can be used."""
    wanted = request.POST.get("template") or request.GET.get("template") or ""
    own = find_versions([found]).get(found.template_version_id)
    if wanted and (own is None or wanted != str(own.template_id)):
        rows = views.list_usable_templates(request).filter(workspace=found.workspace_id)
        template: PromptTemplate = rows.get_visible_or_404(request.user, wanted)
        return views.get_published_version(template)
    return own or (views.get_published_version(templates[0]) if templates else None)
