"""What the schema of the API says about exports and imports."""

from background.api.operations import BACKGROUND_JOB
from exports.api.imports import ImportBody
from exports.api.serializers import ExportBody, ExportsQuery, FileQuery, PushBody
from exports.formats import FORMATS
from exports.models.states import ExportState, Split
from lib.api.operations import Operation, Operations, list_of
from lib.api.shapes import ANYTHING, ID, MOMENT, TEXT, WHOLE, YES_OR_NO, ListOf, MapOf, Record, Word

TAG, IMPORTS = "Exports", "Imports"

FILE = Record(
    number=WHOLE.like(1),
    name=TEXT.like("approved-train.jsonl"),
    split=Word(Split.values),
    rows=WHOLE.like(79),
    bytes=WHOLE.like(182_044),
    sha256=TEXT.like("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
)
EXPORT = Record(
    id=ID,
    name=TEXT.like("Approved conversations"),
    format=Word(FORMATS).like("messages"),
    status=Word(ExportState.values).like("completed"),
    percent=WHOLE.like(40).or_null.like(None),
    error=TEXT.or_null.like(None),
    approvedOnly=YES_OR_NO,
    simulated=YES_OR_NO,
    size=WHOLE.like(182_044).means("In bytes."),
    files=ListOf(FILE),
    removedWhy=TEXT.or_null.like(None),
    deletedAt=MOMENT.or_null.like(None),
    backgroundJobId=ID.or_null,
    workspaceId=ID,
    createdBy=TEXT.like("owner").or_null,
    createdAt=MOMENT,
    frozenAt=MOMENT.or_null,
    finishedAt=MOMENT.or_null,
)
PUSHED = Record(
    status=TEXT.like("completed").or_null,
    percent=WHOLE.like(100).or_null,
    error=TEXT.or_null.like(None),
    backgroundJobId=ID.or_null,
    repository=TEXT.like("me/my-data").or_null,
    public=YES_OR_NO.or_null,
    url=TEXT.or_null,
    commitUrl=TEXT.or_null,
)
WHOLE_EXPORT = Record(
    EXPORT,
    purpose=TEXT.like("A bot"),
    options=MapOf(ANYTHING),
    tokenLimit=WHOLE.or_null.like(None),
    filter=TEXT.like("tier=edge_case").means("As the query string of the page of conversations."),
    ids=ListOf(ID).or_null.like(None),
    since=ID.or_null.like(None),
    validationPercent=WHOLE.like(10),
    testPercent=WHOLE.like(0),
    seed=WHOLE.like(1),
    mostPerCell=WHOLE.or_null.like(None),
    counts=MapOf(ANYTHING).means("What is in it, once its conversations are frozen."),
    changedSince=WHOLE.like(0).means("How many conversations are no longer as they were frozen."),
    manifest=MapOf(ANYTHING).or_null.means("As it lies beside the files, under its own names."),
    push=PUSHED.or_null.like(None),
)
ACCEPTED = Record(export=EXPORT.named("ExportSummary"))
GROUP = Record(rows=TEXT.like("61 rows (7, 12 to 71)"), count=WHOLE.like(61), message=TEXT)
IMPORTED = Record(
    id=ID,
    name=TEXT.like("old.jsonl"),
    form=TEXT.like("messages"),
    read=WHOLE.like(98),
    repaired=WHOLE.like(2),
    refused=WHOLE.like(61),
    new=WHOLE.like(90),
    alreadyThere=WHOLE.like(6),
    changed=WHOLE.like(2),
    repairs=ListOf(GROUP),
    problems=ListOf(GROUP),
    notes=ListOf(TEXT),
    createdAt=MOMENT,
    backgroundJob=BACKGROUND_JOB.or_null.means("null for a dry run."),
)
IMPORT = Record(**{"import": IMPORTED})
CONTENT = (
    '{"messages": [{"role": "user", "content": "Can I retire?"}, {"role": "assistant", "content": "Yes."}]}'
)


def describe_action(summary: str, about: str = "", *, takes_key: bool = True) -> Operation:
    """An action on an export that answers at once and goes on in the background."""
    return Operation(
        tag=TAG,
        summary=summary,
        about=about,
        answers={202: ACCEPTED},
        errors=(403, 409),
        locates=(202,),
        takes_key=takes_key,
    )


OPERATIONS: Operations = {
    ("GET", "api_exports"): Operation(
        tag=TAG,
        summary="List exports",
        about="Those of your workspaces, the newest first.",
        query=ExportsQuery,
        answers={200: list_of("exports", EXPORT.named("ExportSummary"))},
    ),
    ("POST", "api_exports"): Operation(
        tag=TAG,
        summary="Start an export",
        about="Its files are made in the background. Without `ids` or `filter` it is all of the workspace.",
        bodies=(ExportBody,),
        examples={
            "approved": {"name": "Approved", "format": "messages", "validationPercent": 10},
            "demo": {"filter": {"tier": ["edge_case"]}, "approvedOnly": False, "simulated": True},
        },
        answers={202: ACCEPTED},
        errors=(403, 404, 409),
        locates=(202,),
        takes_key=True,
    ),
    ("GET", "api_export"): Operation(
        tag=TAG,
        summary="Show an export",
        about="With its choices, its counts and its manifest.",
        answers={200: Record(export=WHOLE_EXPORT)},
        has_etag=True,
    ),
    ("DELETE", "api_export"): Operation(
        tag=TAG,
        summary="Delete an export",
        about="Its job is cancelled and its files are removed; the entry stays as `deleted`, with its manifest.",
        answers={200: ACCEPTED},
        errors=(403, 409),
        takes_match=True,
    ),
    ("GET", "api_export_preflight"): Operation(
        tag=TAG,
        summary="Show what the check of an export found",
        answers={200: Record(status=Word(ExportState.values), preflight=MapOf(ANYTHING).or_null)},
    ),
    ("GET", "api_export_download"): Operation(
        tag=TAG,
        summary="Download a file of an export",
        about="As a stream. `file` is needed where there are several.",
        query=FileQuery,
        answers={200: None},
        content_type="application/octet-stream",
    ),
    ("POST", "api_export_write"): describe_action(
        "Write the files of an export", "After a check that found something, or again after a failure."
    ),
    ("POST", "api_export_recreate"): describe_action(
        "Write the files of an export again", "From the frozen rows: the same bytes."
    ),
    ("POST", "api_export_cancel"): describe_action("Cancel an export", takes_key=False),
    ("POST", "api_export_push"): Operation(
        tag=TAG,
        summary="Push an export to the Hub",
        about="A `folder`, in the background. For editors.",
        bodies=(PushBody,),
        examples={"private": {"repository": "me/my-data"}},
        answers={202: Record(export=WHOLE_EXPORT)},
        errors=(403, 409),
        locates=(202,),
        takes_key=True,
    ),
    ("POST", "api_imports"): Operation(
        tag=IMPORTS,
        summary="Import conversations",
        about="`content` is the text of the file. `dryRun` answers 200 and stores nothing.",
        bodies=(ImportBody,),
        examples={"dry run": {"content": CONTENT, "tier": "template", "dryRun": True}},
        answers={200: IMPORT, 202: IMPORT},
        errors=(403, 404),
        locates=(202,),
        takes_key=True,
    ),
    ("GET", "api_import"): Operation(
        tag=IMPORTS, summary="Show what came of an import", answers={200: IMPORT}, has_etag=True
    ),
}
