"""What the API of batches answers, for its schema."""

from batches.models.states import ErrorHandling, ItemStatus, JobStatus, LogState, Mode, Priority, Reason
from conversations.api.operations import CONVERSATION
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
    Word,
)
from templates_app.states import Tier

MODEL = TEXT.like("claude-sonnet-5-5")
RANGE_USD = Record(low=USD.like("0.420364"), high=USD.like("1.170364"))
JOB_STATUS = Word(JobStatus.values).like("processing")
REASON = Word([each for each in Reason.values if each]).or_null.like(None)
NO_TIME = TEXT.or_null.like(None)
PRIORITY = Word(each.label for each in Priority).like("normal")
SECONDS = TEXT.like("3 seconds")

# --- before the start, and the start ----------------------------------------------------------------------

ESTIMATE = Record(
    estimatedCost=NUMBER,
    estimatedCostUsd=USD,
    estimatedCostRangeUsd=RANGE_USD,
    worstItemUsd=USD.like("0.0866138"),
    defaultBudgetUsd=USD.like("1.76"),
    estimatedTime=SECONDS,
    estimatedSeconds=WHOLE.like(3),
    inputTokens=WHOLE.like(22682),
    outputTokens=WHOLE.like(75000),
    model=MODEL,
    concurrentProcessing=WHOLE.like(5),
    requestsPerMinute=WHOLE.like(600).or_null,
    basis=TEXT.like(
        "no history yet: the prompts were counted, and the replies are assumed to be as long as allowed"
    ),
    historyItems=WHOLE.like(0),
    timeLimitedBy=TEXT.like("concurrency"),
    coveredItems=WHOLE.like(15).means("How many the budget covers."),
    notes=ListOf(TEXT),
)
USED_TEMPLATE = Record(templateId=ID, name=TEXT.like("Edge case"), version=WHOLE.like(1), versionId=ID)
NEW_JOB = Record(
    jobId=ID,
    status=JOB_STATUS.like("queued"),
    name=TEXT.like("Rent"),
    totalItems=WHOLE.like(40),
    templates=ListOf(USED_TEMPLATE),
)
STARTED = Record(NEW_JOB, ESTIMATE, budgetUsd=USD.like("1.76"))
DRAFT = Record(NEW_JOB, planUrl=TEXT.like("/batches/c7248b44-27e5-4d68-9227-af972d657887/plan/"))
PRICED = Record(
    ESTIMATE,
    totalItems=WHOLE,
    templates=ListOf(USED_TEMPLATE),
    simulated=YES_OR_NO,
    judge=ESTIMATE.named("Estimate").optional.means("What the judge would cost, where it is asked for."),
)

# --- jobs ---------------------------------------------------------------------------------------------------

COUNTS = Record(
    jobId=ID,
    status=JOB_STATUS,
    reason=REASON,
    progress=NUMBER.like(46.7).means("Percent, 0 to 100."),
    totalItems=WHOLE,
    completedItems=WHOLE.like(7),
    failedItems=WHOLE.like(0),
    successfulItems=WHOLE.like(7),
    inFlight=WHOLE.like(4),
    actualCost=NUMBER.like(0.10512),
    actualCostUsd=USD.like("0.10512"),
    budgetUsd=USD.like("1.76"),
)
STATUS = Record(
    COUNTS,
    stateWord=TEXT.like("processing"),
    reasonNote=NO_TIME,
    limitedBy=TEXT.like("requests").or_null.means("The bottleneck."),
    limitedUntil=MOMENT.or_null,
    limitedDetail=TEXT.like("600 a minute").or_null,
    currentItem=TEXT.like("asks whether a pension can be moved").or_null,
    elapsedTime=SECONDS.or_null,
    elapsedSeconds=WHOLE.like(3).or_null,
    estimatedTimeRemaining=TEXT.like("2 seconds").or_null,
    estimatedTimeRemainingSeconds=WHOLE.like(2).or_null,
    itemsPerMinute=NUMBER.like(233.5).or_null,
    simulated=YES_OR_NO,
)
OUTCOME = Record(
    estimatedCostUsd=USD,
    estimatedCostRangeUsd=RANGE_USD,
    actualCostUsd=USD,
    withinRange=YES_OR_NO,
    costError=NUMBER.like(0.1).means("A share of the estimate: a tenth more."),
    estimatedSeconds=WHOLE.like(3).or_null,
    actualSeconds=NUMBER.like(3.2),
    timeError=NUMBER.like(0.1),
    inputTokens=WHOLE.like(22682),
    outputTokens=WHOLE.like(75000),
    historyItems=WHOLE.like(0),
)
SETTINGS = Record(
    name=TEXT.like("Edge cases"),
    tier=Word(Tier.values).or_null.like("edge_case"),
    priority=PRIORITY,
    mode=Word(Mode.values),
    errorHandling=Word(ErrorHandling.values),
    concurrentProcessing=WHOLE.like(5),
    sharedParameters=MapOf(ANYTHING).means("Under your own names."),
    model=MODEL,
    seed=WHOLE.like(7).or_null,
    judgeBudgetUsd=USD.or_null.like(None),
    createdAt=MOMENT,
    startedAt=MOMENT.or_null,
    completedAt=MOMENT.or_null.like(None),
    outcome=OUTCOME.or_null.like(None).means("Once it is completed."),
)
JOB = Record(COUNTS, SETTINGS).named("Batch")
ITEM = Record(
    id=ID,
    position=WHOLE.like(1),
    conversationId=TEXT.like("fp_anxious_investor_001"),
    topic=TEXT.like("demands a guaranteed return before retiring"),
    tier=Word(Tier.values),
    status=Word(ItemStatus.values).like("completed"),
    attempt=WHOLE.like(1),
    errorKind=TEXT.or_null.like(None),
    errorMessage=NO_TIME,
    endedAt=MOMENT.or_null,
    conversation=Record(id=ID, title=TEXT, status=TEXT.like("generated"), version=WHOLE.like(1)).or_null,
)
BATCH = Record(
    STATUS,
    SETTINGS,
    cache=Record(
        savedUsd=USD.like("0"),
        readTokens=WHOLE.like(0),
        writeTokens=WHOLE.like(0),
        readPercent=WHOLE.like(0).or_null,
    ),
    items=ListOf(ITEM.named("BatchItem")),
)
CHANGED = Record(
    jobId=ID,
    status=JOB_STATUS,
    retriedItems=WHOLE.like(3).optional.means("After retry_failed."),
    concurrentProcessing=WHOLE.like(3).optional.means("After a change of settings, as the two below."),
    priority=PRIORITY.optional,
    budgetUsd=USD.optional,
)

# --- one conversation ---------------------------------------------------------------------------------------

WHERE = Record(itemId=ID, jobId=ID)
MADE = Record(
    WHERE,
    conversation=CONVERSATION,
    qualityMetrics=MapOf(ANYTHING),
    cost=NUMBER.like(0.014088).or_null,
    costUsd=USD.like("0.014088").or_null,
)
WAITS = Record(WHERE, status=Word(ItemStatus.values).like("processing"))
ONE_ITEM = Record(
    ITEM,
    jobId=ID,
    jobStatus=JOB_STATUS,
    reason=REASON,
    requestId=TEXT.like("req_011CSHoEeqs5C35K2UUqR7Fy").or_null,
)

# --- money --------------------------------------------------------------------------------------------------

LOG = Record(
    id=ID,
    createdAt=MOMENT,
    finishedAt=MOMENT.or_null,
    jobId=ID.or_null,
    runId=ID.or_null,
    itemId=ID.or_null,
    conversationId=ID.or_null,
    templateVersionId=ID.or_null,
    attempt=WHOLE.like(1),
    state=Word(LogState.values).like("succeeded"),
    model=MODEL,
    simulated=YES_OR_NO,
    costUsd=USD.like("0.016352").or_null,
    reservationUsd=USD.like("0.0866138").or_null,
    priceVersion=TEXT.like("2026-09"),
    inputTokens=WHOLE.like(1512).or_null,
    outputTokens=WHOLE.like(1044).or_null,
    cacheWriteTokens=WHOLE.like(0).or_null,
    cacheWrite1hTokens=WHOLE.like(0).or_null,
    estimated=YES_OR_NO.like(False),
    cacheSavedUsd=USD.like("0").or_null,
    cacheReadTokens=WHOLE.like(0).or_null,
    durationMs=WHOLE.like(946).or_null,
    requestId=TEXT.like("req_011CSHoEeqs5C35K2UUqR7Fy").or_null,
    stopReason=TEXT.like("end_turn").or_null,
    errorKind=TEXT.or_null.like(None),
    error=TEXT.or_null.like(None),
    user=TEXT.like("owner").or_null,
)
SUMS = Record(
    costUsd=USD.like("1.248812"),
    calls=WHOLE.like(90),
    inputTokens=WHOLE.like(136080),
    outputTokens=WHOLE.like(93960),
    cacheReadTokens=WHOLE.like(0),
    cacheWriteTokens=WHOLE.like(0),
    cacheWrite1hTokens=WHOLE.like(0),
    cacheSavedUsd=USD.like("0"),
)
COST_ROW = Record(
    SUMS,
    day=TEXT.like("2026-11-22").optional,
    user=TEXT.or_null.optional,
    jobId=ID.or_null.optional,
    jobName=TEXT.or_null.optional,
    templateVersionId=ID.or_null.optional,
    templateName=TEXT.or_null.optional,
    templateVersion=WHOLE.or_null.optional,
    modelId=TEXT.optional,
)
YIELD = Record(
    asked=WHOLE.like(91),
    failed=WHOLE.like(1),
    generated=WHOLE.like(90),
    valid=WHOLE.like(82),
    approved=WHOLE.like(60),
    rejected=WHOLE.like(4),
    sentBack=WHOLE.like(2),
    undecided=WHOLE.like(24),
    costUsd=USD.like("1.248812"),
    failedCostUsd=USD.like("0.0142"),
    repeatedCostUsd=USD.like("0"),
    regenerationCostUsd=USD.like("0.0301"),
    costPerApprovedUsd=USD.like("0.020814").or_null,
)
YIELD_ROW = Record(
    YIELD,
    tier=TEXT.optional,
    modelId=TEXT.optional,
    templateId=ID.optional,
    templateName=TEXT.optional,
    templateVersionId=ID.optional,
    templateVersion=WHOLE.optional,
    reasons=ListOf(Record(reason=TEXT.like("inaccurate"), count=WHOLE.like(3))).optional,
)
