"""What the schema of the API says about conversations, the review queue and the rubric."""

from background.api.operations import ONE_JOB
from conversations.api.bodies import ConversationChangeBody, DeleteQuery
from conversations.api.bulk import BulkBody
from conversations.api.judgements import RubricBody, RubricQuery
from conversations.api.queue import QueueQuery
from conversations.api.rescore import RescoreBody
from conversations.api.serializers import ConversationsQuery
from conversations.queue import QueueOrder
from conversations.states import ReasonCode, Role, Source, Status
from lib.api.operations import PART_OF_A_LIST, Operation, Operations
from lib.api.shapes import (
    ANYTHING,
    ID,
    MOMENT,
    NUMBER,
    TEXT,
    USD,
    WHOLE,
    YES_OR_NO,
    ListOf,
    MapOf,
    Record,
    Shape,
    Word,
)
from templates_app.states import Tier

TAG, REVIEW, JUDGE = "Conversations", "Review", "The judge"
SCORE = NUMBER.like(9.5)

FLAG = Record(
    kind=TEXT.like("refusal"),
    turn=WHOLE.like(4).or_null.means("null: the whole conversation."),
    quote=TEXT.like("I can't help with that"),
    of=TEXT.optional.means("Of a near-duplicate: the id of the other conversation."),
)
ORIGIN = Record(
    id=ID.means("For addresses."),
    conversationId=TEXT.like("fp_sudden_inheritor_001").means("For people."),
    version=WHOLE.like(1),
    isNewest=YES_OR_NO,
    revision=WHOLE.like(0).means("Counts decisions and edits."),
    title=TEXT.like("Asks for a second opinion on an inheritance"),
    persona=TEXT.like("Sudden Inheritor"),
    emotion=TEXT.like("skeptical"),
    topic=TEXT.like("whether to pay off the mortgage first"),
    intent=TEXT.like("get a second opinion"),
    tone=TEXT.like("light with a little humor"),
    tier=Word(Tier.values),
    category=ListOf(TEXT.like("mortgage")),
    language=TEXT.like("en"),
    source=Word(Source.values),
    externalId=TEXT.or_null.like(None),
    simulated=YES_OR_NO,
    model=TEXT.like("claude-sonnet-5-5"),
    jobId=ID.or_null,
    templateId=ID.or_null,
    templateVersion=WHOLE.like(1).or_null,
    parentId=ID.or_null.like(None),
)
REVIEWED = Record(
    status=Word(Status.values).like("generated"),
    qualityScore=SCORE.or_null.means("The computed score, 0 to 10."),
    qualityScoreOverride=SCORE.or_null.like(None).means("What a person has set beside it."),
    qualityScoreOverrideNote=TEXT.like(""),
    flags=ListOf(FLAG),
    approvedBy=TEXT.or_null.like(None),
    approvedAt=MOMENT.or_null.like(None),
    decidedAt=MOMENT.or_null.like(None),
    flaggedSinceDecision=YES_OR_NO.like(False),
    reviewerNotes=TEXT.like(""),
)
SUMMARY = Record(
    ORIGIN,
    REVIEWED,
    turnCount=WHOLE.like(10),
    totalTokens=WHOLE.like(2568),
    actualCost=NUMBER.like(0.014088).or_null,
    actualCostUsd=USD.like("0.014088").or_null,
    generationDurationMs=WHOLE.like(946).or_null,
    createdAt=MOMENT,
    updatedAt=MOMENT,
)
DECISION = Record(
    id=ID,
    version=WHOLE.like(1),
    conversationVersionId=ID,
    fromStatus=TEXT.like("pending_review"),
    toStatus=TEXT.like("rejected"),
    by=TEXT.like("anna"),
    onBehalfOf=TEXT.or_null.like(None),
    at=MOMENT,
    note=TEXT.like("Wrong rate"),
    reasons=ListOf(Word(ReasonCode.values)),
    revision=WHOLE.like(1),
    undoes=ID.or_null.like(None),
)
TURN = Record(
    turnNumber=WHOLE.like(1),
    role=Word(Role.values),
    content=TEXT.like("I guess you could call me lucky."),
    tokenCount=WHOLE.like(98).or_null,
)
# As an address of one conversation answers it, beside `success`.
FULL = Record(
    SUMMARY,
    parameters=MapOf(ANYTHING).means("What filled the template, under your own names."),
    systemPrompt=TEXT.or_null.like(None),
    qualityMetrics=MapOf(ANYTHING),
    errorMessage=TEXT.or_null.like(None),
    changeNote=TEXT.like(""),
    turns=ListOf(TURN),
    reviewHistory=ListOf(DECISION),
)
CONVERSATION = FULL.named("Conversation")
SUMMARIES = Record(conversations=ListOf(SUMMARY.named("ConversationSummary")))
SEARCHED = Record(searchedNewest=WHOLE.optional.means("Only so many of the newest were searched."))
VERSION = Record(
    id=ID,
    conversationId=TEXT.like("fp_sudden_inheritor_001"),
    version=WHOLE.like(2),
    isNewest=YES_OR_NO,
    parentId=ID.or_null,
    status=Word(Status.values).like("generated"),
    statusBeforeArchive=TEXT.or_null.like(None),
    source=Word(Source.values),
    changeNote=TEXT.like("Let her doubt the answer once."),
    createdBy=TEXT.like("anna").or_null,
    createdAt=MOMENT,
    title=TEXT,
    model=TEXT.like("claude-sonnet-5-5"),
    simulated=YES_OR_NO,
    turnCount=WHOLE.like(8),
    totalTokens=WHOLE.like(2568),
    qualityScore=SCORE.or_null,
    flags=ListOf(FLAG),
    actualCost=NUMBER.like(0.014088).or_null,
    actualCostUsd=USD.like("0.014088").or_null,
    revision=WHOLE.like(0),
)
JUDGEMENT = Record(
    id=ID,
    rubricVersion=WHOLE.like(1),
    contentHash=TEXT,
    model=TEXT.like("claude-sonnet-5-5"),
    simulated=YES_OR_NO,
    cost=NUMBER.like(0.0118),
    costUsd=USD.like("0.0118"),
    createdAt=MOMENT,
    scores=MapOf(
        Record(
            score=WHOLE.like(8),
            quote=TEXT,
            turn=WHOLE.like(4).or_null,
            reason=TEXT.like("The rate is right."),
        )
    ).means("By dimension."),
)
RUBRIC = Record(
    rubric=Record(
        workspaceId=ID,
        version=WHOLE.like(1),
        criteria=MapOf(TEXT).like({"accuracy": "Only facts, and the arithmetic is right."}),
        createdAt=MOMENT,
    )
)
SKIPPED = Record(id=ID, error=TEXT.like("This conversation is archived: it cannot be approved."))
IDS = [ID["examples"][0]]

OPERATIONS: Operations = {
    ("GET", "api_conversations"): Operation(
        tag=TAG,
        summary="List conversations",
        about="In their newest version, without turns, the newest first.",
        query=ConversationsQuery,
        answers={200: Record(SUMMARIES, PART_OF_A_LIST, SEARCHED)},
    ),
    ("GET", "api_conversation"): Operation(
        tag=TAG,
        summary="Show a conversation",
        about="With its turns, its values and the decisions about all of its versions.",
        answers={200: FULL},
        has_etag=True,
    ),
    ("PATCH", "api_conversation"): Operation(
        tag=REVIEW,
        summary="Decide about a conversation, or edit it",
        about="All fields are carried out together, or none. An edit answers with the new version, which has another id.",
        bodies=(ConversationChangeBody,),
        examples={
            "approve": {"reviewAction": "approve", "revision": 0},
            "reject": {"reviewAction": "reject", "reasons": ["inaccurate"], "note": "Wrong rate"},
            "edit": {"turns": [{"turnNumber": 2, "content": "Said better."}], "note": "Ending repaired"},
        },
        answers={200: FULL},
        errors=(403, 409),
        has_etag=True,
        takes_match=True,
    ),
    ("DELETE", "api_conversation"): Operation(
        tag=TAG,
        summary="Archive or delete a conversation",
        about="It goes into the archive; with `hard=true` all its versions are deleted for good.",
        query=DeleteQuery,
        answers={
            200: Shape(
                anyOf=[FULL, Record(id=ID, conversationId=TEXT, versions=WHOLE.means("How many are gone."))]
            )
        },
        errors=(403, 409),
        takes_match=True,
    ),
    ("GET", "api_versions"): Operation(
        tag=TAG,
        summary="List the versions of a conversation",
        about="The oldest first, with the id of any of them.",
        answers={200: Record(versions=ListOf(VERSION))},
    ),
    ("POST", "api_bulk"): Operation(
        tag=REVIEW,
        summary="Decide about many conversations",
        about=(
            "By `ids`, or by `filter` with the `count` that you have seen: another count is 409 `count_changed`. "
            "More than 500 go to a background job: 202."
        ),
        bodies=(BulkBody,),
        examples={
            "by filter": {"action": "approve", "filter": {"undecided": True, "flagged": False}, "count": 79},
            "by ids": {"action": "reject", "ids": IDS, "note": "Twice the same", "reasons": ["repetitive"]},
        },
        answers={
            200: Record(changed=WHOLE.like(77), skipped=ListOf(SKIPPED), skippedCount=WHOLE.like(1)),
            202: ONE_JOB,
        },
        errors=(403, 404, 409),
        locates=(202,),
        takes_key=True,
    ),
    ("POST", "api_rescore"): Operation(
        tag=TAG,
        summary="Score conversations again",
        about="What nobody has decided about may move by its new score; what is decided stays.",
        bodies=(RescoreBody,),
        examples={"of one batch": {"filter": {"batch": IDS[0]}}},
        answers={202: ONE_JOB},
        errors=(403, 404, 409),
        locates=(202,),
        takes_key=True,
    ),
    ("GET", "api_queue"): Operation(
        tag=REVIEW,
        summary="List what waits for a decision",
        about="`after` and `before` give what follows a conversation in the order, or comes before it.",
        query=QueueQuery,
        answers={
            200: Record(
                SUMMARIES,
                SEARCHED,
                order=Word(QueueOrder.values),
                **{name: Shape(shape).optional for name, shape in PART_OF_A_LIST["properties"].items()},
            )
        },
        errors=(404,),
    ),
    ("GET", "api_judgements"): Operation(
        tag=JUDGE,
        summary="List what the judge has said about a conversation",
        answers={200: Record(judgements=ListOf(JUDGEMENT))},
    ),
    ("GET", "api_rubric"): Operation(
        tag=JUDGE,
        summary="Show the rubric of a workspace",
        query=RubricQuery,
        answers={200: RUBRIC},
        errors=(404,),
        has_etag=True,
    ),
    ("PATCH", "api_rubric"): Operation(
        tag=JUDGE,
        summary="Change the rubric of a workspace",
        about="A change is a new version. `version` is the one that you have read: when there is a newer one, it is 409.",
        bodies=(RubricBody,),
        examples={"one text": {"version": 1, "criteria": {"accuracy": "Only facts, with sources."}}},
        answers={200: RUBRIC},
        errors=(403, 404, 409),
        has_etag=True,
        takes_match=True,
    ),
}
