"""What the schema of the API says about background jobs."""

from background.api.serializers import JobsQuery
from background.states import JobState
from lib.api.operations import Operation, Operations, list_of
from lib.api.shapes import ANYTHING, ID, MOMENT, TEXT, WHOLE, YES_OR_NO, MapOf, Record, Word

TAG = "Background jobs"

BACKGROUND_JOB = Record(
    id=ID,
    kind=TEXT.like("export").means("bulk, rescore, export, import and others."),
    name=TEXT.like("Write 79 conversations"),
    status=Word(JobState.values),
    done=WHOLE.like(0),
    total=WHOLE.or_null.means("null while it is not known."),
    percent=WHOLE.like(0).or_null,
    result=MapOf(ANYTHING).means("What a person would count, by name."),
    error=TEXT.or_null.like(None),
    cancelAsked=YES_OR_NO.like(False),
    workspaceId=ID,
    createdBy=TEXT.like("owner").or_null,
    createdAt=MOMENT,
    startedAt=MOMENT.or_null.like(None),
    endedAt=MOMENT.or_null.like(None),
).named("BackgroundJob")
ONE_JOB = Record(backgroundJob=BACKGROUND_JOB)

OPERATIONS: Operations = {
    ("GET", "api_background_jobs"): Operation(
        tag=TAG,
        summary="List the background jobs",
        about="Those of your workspaces, the newest first.",
        query=JobsQuery,
        answers={200: list_of("backgroundJobs", BACKGROUND_JOB)},
    ),
    ("GET", "api_background_job"): Operation(
        tag=TAG,
        summary="Show a background job",
        about="Poll it until its `status` is `completed`, `failed` or `cancelled`.",
        answers={200: ONE_JOB},
        has_etag=True,
    ),
    ("POST", "api_background_job_cancel"): Operation(
        tag=TAG,
        summary="Cancel a background job",
        about="At once while it waits, else before its next step; what was done stays done.",
        answers={200: ONE_JOB},
        errors=(403, 409),
    ),
}
