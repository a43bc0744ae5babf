"""Send a stored file of an export as a stream. Who may have it was asked before."""

from django.http import FileResponse, Http404
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

from exports.formats import FORMATS
from exports.models import Export
from exports.running.storing import get_storage
from workspaces.audit_log.downloads import record_download
from workspaces.models import User
from workspaces.states import TargetKind


def send_file(export: Export, number: int, *, to: User) -> HttpResponseBase:
    """The file of that number, from 1; the audit log tells who took it. Raises Http404 where the files were removed, or
    are no longer in their place.
    """
    if not export.has_files or not 1 <= number <= len(export.files):
        raise Http404
    file = export.files[number - 1]
    try:
        stream = get_storage().open(file["place"], "rb")
    except FileNotFoundError as missing:
        raise Http404("The file is not in its place any more. Write the files again.") from missing
    record_download(export, kind=TargetKind.EXPORT, person=to, file=file["name"])
    response = FileResponse(stream, content_type=FORMATS[export.format].content_type)
    response["Content-Length"] = str(file["bytes"])
    return make_attachment(response, file["name"])


def make_attachment(response: HttpResponseBase, name: str) -> HttpResponseBase:
    """The response as a file to be saved under this name, which no cache keeps."""
    response["Content-Disposition"] = content_disposition_header(True, name)
    response["Cache-Control"] = "private, no-store"
    return response
