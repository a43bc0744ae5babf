"""What the schema of the API says about workspaces."""

from lib.api.operations import Operation, Operations, list_of
from lib.api.shapes import ANYTHING, ID, MOMENT, TEXT, WHOLE, MapOf, Record, Word
from workspaces.api.audit import AuditQuery
from workspaces.states import Action, Channel, TargetKind

ENTRY = Record(
    id=WHOLE.like(1207),
    at=MOMENT,
    who=TEXT.like("owner"),
    channel=Word(Channel.values),
    token=TEXT.or_null.like(None).means("The name of the API token that was used."),
    address=TEXT.or_null.like("203.0.113.7"),
    action=Word(Action.values),
    kind=Word(TargetKind.values),
    target=TEXT.like("Starter plan, 90 conversations"),
    targetId=ID.or_null,
    before=MapOf(ANYTHING).or_null,
    after=MapOf(ANYTHING).or_null.means("What was changed, by its names."),
).named("AuditEntry")

OPERATIONS: Operations = {
    ("GET", "api_audit"): Operation(
        tag="Workspaces",
        summary="List the audit log",
        about="Who did what, when and where from, in one workspace: yours, or that of `workspaceId`. For its owners.",
        query=AuditQuery,
        answers={200: list_of("entries", ENTRY)},
        errors=(403, 404),
    ),
}
