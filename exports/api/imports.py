"""POST /api/imports: conversations from a file; GET /api/imports/{id}: what came of it."""

from typing import Any
from uuid import UUID

from django.http import Http404
from django.urls import reverse
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from background.api.requests import find_earlier_job, start_once
from background.api.serializers import serialize_job
from background.models import BackgroundJob
from exports.importing.choices import Choices
from exports.importing.reading.details import LONGEST
from exports.importing.running import start_import
from exports.importing.uploading import upload_file
from exports.models import ImportedFile
from exports.models.import_files import FileKind
from lib.api.etags import render_with_etag
from lib.row_problems import RowsError, limit_problems
from lib.wire import StrictSerializer, WordField, moment, validate
from templates_app.models import PromptTemplate
from templates_app.states import Tier
from workspaces.models import Membership, RequestKey, User, Workspace
from workspaces.people import find_workspace, get_person

LONGEST_CONTENT = 10_000_000  # characters; a body has no more


class ImportBody(StrictSerializer):
    """`content` is the text of the file. `dryRun` tells what would be imported, and stores nothing."""

    name = serializers.CharField(max_length=200, default="conversations.jsonl")
    content = serializers.CharField(max_length=LONGEST_CONTENT, trim_whitespace=False)
    tier = WordField(Tier.choices, default=Tier.TEMPLATE)
    persona = serializers.CharField(max_length=LONGEST["persona"], allow_blank=True, default="")
    language = serializers.CharField(max_length=LONGEST["language"], allow_blank=True, default="")
    templateId = serializers.UUIDField(allow_null=True, default=None)
    workspaceId = serializers.UUIDField(allow_null=True, default=None)
    asVersions = serializers.BooleanField(default=False)
    again = serializers.BooleanField(default=False)
    dryRun = serializers.BooleanField(default=False)


@api_view(["POST"])
def import_conversations(request: Request) -> Response:
    """202 with the report of the file and the job that stores its conversations; 200 for a dry run."""
    given, by = validate(ImportBody(data=request.data)), get_person(request)
    workspace = find_importable_workspace(given["workspaceId"], by=by)
    choices = read_choices(given, workspace)
    if (earlier := find_earlier_job(request)) is not None:
        return _accept(ImportedFile.objects.get(job=earlier))
    try:
        file = upload_file(
            given["content"].encode(), name=given["name"], workspace=workspace, by=by, choices=choices
        )
    except RowsError as wrong:
        raise ValidationError({"content": [str(each) for each in limit_problems(wrong.problems)]}) from wrong
    if not file.report["read"]:
        file.delete()
        raise ValidationError({"content": [_describe(each) for each in file.report["problems"]]})
    if given["dryRun"]:
        answer = Response({"import": serialize_import(file)})
        file.delete()
        return answer

    def start(sent: RequestKey | None) -> ImportedFile:
        start_import(file, choices, by=by, sent=sent)
        return file

    def again(earlier: BackgroundJob) -> ImportedFile:
        file.delete()
        return ImportedFile.objects.get(job=earlier)

    return _accept(start_once(request, start, again))


def _accept(file: ImportedFile) -> Response:
    headers = {"Location": reverse("api_import", args=[file.pk])}
    return Response({"import": serialize_import(file)}, status=202, headers=headers)


@api_view(["GET"])
def show_import(request: Request, file_id: UUID) -> Response:
    """The report of a file that the caller has imported, with its job."""
    files = ImportedFile.objects.uploaded_by(request.user).filter(kind=FileKind.CONVERSATIONS)
    files = files.select_related("job__created_by").defer("content")
    return render_with_etag({"import": serialize_import(files.get_visible_or_404(request.user, file_id))})


def _describe(problem: dict[str, Any]) -> str:
    return f"Row {problem['rows']}: {problem['message']}" if problem["rows"] else problem["message"]


def find_importable_workspace(key: UUID | None, *, by: User) -> Workspace:
    """The workspace of that key, or the caller's own. Raises Http404, and PermissionDenied where the caller may not import."""
    found = find_workspace(key, by=by)
    if not Membership.objects.of(by).filter(workspace=found, role__in=Membership.EDITORS).exists():
        raise PermissionDenied
    return found


def read_choices(given: dict[str, Any], workspace: Workspace) -> Choices:
    """Raises Http404 for a template that is not there, and ValidationError for one without a published version."""
    version = None
    if given["templateId"] is not None:
        template = PromptTemplate.objects.filter(workspace=workspace, pk=given["templateId"]).first()
        if template is None:
            raise Http404
        version = template.published_version()
        if version is None:
            raise ValidationError(
                {"templateId": ["This template has no published version. Publish it first."]}
            )
    return Choices(
        tier=given["tier"],
        persona=given["persona"],
        language=given["language"],
        template_version=str(version.pk) if version else "",
        as_versions=given["asVersions"],
        again=given["again"],
    )


def serialize_import(file: ImportedFile) -> dict[str, Any]:
    """The counts of the file, its groups of repaired and refused rows, and the job once there is one."""
    report = file.report
    return {
        "id": file.pk,
        "name": file.name,
        "form": report["form"],
        "read": report["read"],
        "repaired": report["repaired"],
        "refused": report["refused"],
        "new": report["outcomes"]["new"],
        "alreadyThere": report["outcomes"]["there"],
        "changed": report["outcomes"]["changed"],
        "repairs": report["repairs"],
        "problems": report["problems"],
        "notes": report["notes"],
        "createdAt": moment(file.created_at),
        "backgroundJob": serialize_job(file.job) if file.job else None,
    }
