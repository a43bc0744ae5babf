"""What the schema of the API says about batches, single generations, the judge, the log and the yield."""

from batches.api.analytics import GROUPS as YIELD_GROUPS
from batches.api.analytics import YieldQuery
from batches.api.judging import JudgedBody, StartJudgingBody
from batches.api.logs import GROUPS as COST_GROUPS
from batches.api.logs import ChainLogsQuery, CostQuery, LogsQuery
from batches.api.regenerate import RegenerateBody
from batches.api.regenerate_many import RegenerateManyBody
from batches.api.serializers import BatchBody, BatchChangeBody, CopyBody, JobsQuery, StartBody
from batches.api.shapes import (
    BATCH,
    CHANGED,
    COST_ROW,
    DRAFT,
    ESTIMATE,
    JOB,
    LOG,
    MADE,
    ONE_ITEM,
    PRICED,
    STARTED,
    STATUS,
    SUMS,
    WAITS,
    YIELD,
    YIELD_ROW,
)
from batches.api.single import SingleBody
from lib.api.operations import PART_OF_A_LIST, Operation, Operations, list_of
from lib.api.shapes import ID, WHOLE, YES_OR_NO, ListOf, Record, Word
from lib.wire import PageQuery

TAG, SINGLE, JUDGE, MONEY = "Batches", "One conversation now", "The judge", "Costs and yield"
AN_ID: str = ID["examples"][0]
TO_COME = {201: MADE, 202: WAITS}
# The provider refused (502); a budget or a person stopped it (409); its model cannot be used (422).
NOT_MADE = (404, 409, 422, 502)

START = {
    ("POST", "api_batch_estimate"): Operation(
        tag=TAG,
        summary="Estimate a batch",
        about="Cost and time with their range and basis. Takes the body of the start, and stores nothing.",
        bodies=(BatchBody,),
        examples={"one tier": {"tier": "edge_case", "concurrentProcessing": 5}},
        answers={200: PRICED},
        errors=(403, 404, 422),
    ),
    ("POST", "api_generate_batch"): Operation(
        tag=TAG,
        summary="Start a batch",
        about="202 at once; poll the address of `Location`. With `draft` the plan is stored and waits: 201.",
        bodies=(StartBody,),
        examples={
            "starter plan": {"name": "Edge cases", "tier": "edge_case", "budgetUsd": "2.00"},
            "template": {
                "name": "Rent",
                "templateId": AN_ID,
                "items": [{"topic": "rent", "parameters": {"persona": "Gig Worker"}}],
            },
            "matrix": {
                "name": "Rent",
                "templateId": AN_ID,
                "sharedParameters": {"topic": "rent"},
                "matrix": {"axes": [{"name": "persona", "values": ["Gig Worker", "Nurse"]}], "perCell": 2},
                "draft": True,
            },
        },
        answers={201: DRAFT, 202: STARTED},
        errors=(403, 404, 409, 422),
        takes_key=True,
        locates=(201, 202),
    ),
    ("POST", "api_batch_duplicate"): Operation(
        tag=TAG,
        summary="Copy a batch",
        about="A new batch of the same items. What the body leaves out is copied from the old one.",
        bodies=(CopyBody,),
        examples={"cheaper": {"name": "Edge cases, again", "budgetUsd": "1.00"}},
        answers={202: STARTED},
        errors=(403, 409, 422),
        takes_key=True,
        locates=(202,),
    ),
    ("POST", "api_bulk"): Operation(
        tag=TAG,
        summary="Regenerate many conversations",
        about='With `"action": "regenerate"` it starts a batch of new versions.',
        bodies=(RegenerateManyBody,),
        examples={"regenerate": {"action": "regenerate", "ids": [AN_ID], "instruction": "Shorter answers."}},
        answers={202: STARTED},
        errors=(422,),
        takes_key=True,
    ),
}

WATCH = {
    ("GET", "api_batches"): Operation(
        tag=TAG,
        summary="List batches",
        about="The newest first; with `status=active` by priority, then by age. Single generations are not among them.",
        query=JobsQuery,
        answers={200: list_of("jobs", JOB)},
    ),
    ("GET", "api_batch"): Operation(
        tag=TAG,
        summary="Show a batch with its items",
        about="Its `ETag` stands for its status and its settings, and not for its progress.",
        query=PageQuery,
        answers={200: Record(BATCH, PART_OF_A_LIST)},
        has_etag=True,
    ),
    ("GET", "api_batch_status"): Operation(
        tag=TAG,
        summary="Show the progress of a batch",
        about="Cheap enough to be polled every two seconds.",
        answers={200: STATUS},
    ),
    ("PATCH", "api_batch"): Operation(
        tag=TAG,
        summary="Pause, resume, cancel, retry or change a batch",
        about="Either an `action`, or settings. Repeating an action is no error.",
        bodies=(BatchChangeBody,),
        examples={
            "pause": {"action": "pause"},
            "retry": {"action": "retry_failed", "errorKind": "timeout"},
            "settings": {"concurrentProcessing": 3, "priority": "high", "budgetUsd": "12.50"},
        },
        answers={200: CHANGED},
        errors=(403, 409),
        takes_key=True,
        takes_match=True,
    ),
}

ONE = {
    ("POST", "api_generate"): Operation(
        tag=SINGLE,
        summary="Generate one conversation",
        about="Waits up to a minute, or as long as `Prefer: wait=N` says, and answers 201; else 202 with the address of its item.",
        bodies=(SingleBody,),
        examples={"one": {"templateId": AN_ID, "parameters": {"topic": "a pension"}}},
        answers=TO_COME,
        errors=(403, *NOT_MADE),
        takes_key=True,
        waits=True,
        locates=(201, 202),
    ),
    ("POST", "api_regenerate"): Operation(
        tag=SINGLE,
        summary="Make a conversation anew",
        about="A new version. The old one is archived from then on, and not before.",
        bodies=(RegenerateBody,),
        examples={"instruction": {"instruction": "Let her doubt the answer once.", "fromTurn": 5}},
        answers=TO_COME,
        errors=(403, *NOT_MADE),
        takes_key=True,
        waits=True,
        locates=(201, 202),
    ),
    ("GET", "api_item"): Operation(
        tag=SINGLE, summary="Show an item", about="For polling after a 202.", answers={200: ONE_ITEM}
    ),
    ("POST", "api_item_retry"): Operation(
        tag=SINGLE,
        summary="Try a failed item again",
        answers={202: WAITS},
        errors=(403, 409),
        takes_key=True,
        locates=(202,),
    ),
    ("POST", "api_item_use"): Operation(
        tag=SINGLE,
        summary="Use a stored reply",
        about="The conversation of a reply that was paid for, at no further cost.",
        answers={201: MADE, 202: WAITS},
        errors=(403, 409, 502),
        locates=(201, 202),
    ),
}

JUDGING = {
    ("POST", "api_judge_estimate"): Operation(
        tag=JUDGE,
        summary="Estimate what the judge will cost",
        bodies=(JudgedBody,),
        examples={"of a filter": {"filter": {"tier": ["edge_case"]}}},
        answers={200: Record(ESTIMATE, totalItems=WHOLE, rubricVersion=WHOLE.like(1))},
        errors=(403, 404, 422),
    ),
    ("POST", "api_judge"): Operation(
        tag=JUDGE,
        summary="Let the judge read conversations",
        about="It is a batch like any other. A filter needs the `count` that you saw.",
        bodies=(StartJudgingBody,),
        examples={"by ids": {"ids": [AN_ID], "budgetUsd": "2.00"}},
        answers={202: STARTED},
        errors=(403, 404, 409, 422),
        takes_key=True,
        locates=(202,),
    ),
}

SPENT = {
    ("GET", "api_logs"): Operation(
        tag=MONEY,
        summary="List the calls of Claude",
        about="Every attempt, the newest first, without the payloads.",
        query=LogsQuery,
        answers={200: list_of("logs", LOG.named("Call"))},
    ),
    ("GET", "api_conversation_logs"): Operation(
        tag=MONEY,
        summary="List the calls for a conversation",
        about="For all of its versions, failed ones included.",
        query=ChainLogsQuery,
        answers={200: list_of("logs", LOG.named("Call"))},
    ),
    ("GET", "api_logs_cost"): Operation(
        tag=MONEY,
        summary="Sum what was spent",
        about="Days in order; other groups with the largest sum first.",
        query=CostQuery,
        answers={200: Record(by=Word(COST_GROUPS), total=SUMS, rows=ListOf(COST_ROW))},
    ),
    ("GET", "api_yield"): Operation(
        tag=MONEY,
        summary="Show the yield",
        about="What became of the conversations that were asked for, and what an approved one costs.",
        query=YieldQuery,
        answers={
            200: Record(by=Word(YIELD_GROUPS), simulated=YES_OR_NO, total=YIELD, rows=ListOf(YIELD_ROW))
        },
        errors=(404,),
    ),
}

OPERATIONS: Operations = {**START, **WATCH, **ONE, **JUDGING, **SPENT}
