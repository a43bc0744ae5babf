"""The kind of items that become judgements: the judge reads a conversation, and changes nothing of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from batches.engine.kinds.kind import Kind, TargetDeleted
from batches.limits.limiter import Expected
from batches.models import BatchItem
from batches.planning.judging import USUAL_OUTPUT_TOKENS
from claude.counts import bound_tokens
from claude.messages import Reply, Request
from conversations.judging.reading import JudgementDraft, read_judgement
from conversations.judging.requests import build_judge_request
from conversations.judging.storing import Judged, store_judgement
from conversations.models import Conversation, Judgement
from conversations.versions import read_turns
from templates_app.models import TemplateVersion

TARGET_DELETED = (
    "The conversation that was to be judged has been deleted. Nothing was asked and nothing was paid."
)


@dataclass(frozen=True, kw_only=True)
class JudgementOrigin:
    """What is judged and by what. `judged` is None once the conversation has been deleted for good."""

    workspace_id: UUID
    created_by_id: UUID | None
    tier: str
    parameters: Mapping[str, Any]
    judged: Judged | None
    criteria: Mapping[str, str] = field(repr=False)
    template_version: TemplateVersion | None = None


class JudgementKind(Kind[JudgementOrigin, JudgementDraft]):
    deleted = "The conversation was deleted for good while it was judged. The reply is paid and kept."

    def choose_model(self, item: BatchItem) -> str:
        return item.job.model

    def build_origin(self, item: BatchItem) -> JudgementOrigin:
        rubric = item.job.rubric
        assert rubric is not None, "a batch of judgements has one"
        rows = Conversation.objects.only("id", "version")
        found = rows.filter(pk=item.judges_id).first() if item.judges_id else None
        judged = found and Judged(
            workspace_id=item.workspace_id,
            created_by_id=item.job.created_by_id,
            batch_item_id=item.pk,
            conversation_id=found.pk,
            rubric_id=rubric.pk,
            turns=tuple(read_turns(found)),
        )
        return JudgementOrigin(
            workspace_id=item.workspace_id,
            created_by_id=item.job.created_by_id,
            tier=item.tier,
            parameters={"rubric": rubric.version, **({"version": found.version} if found else {})},
            judged=judged,
            criteria=rubric.criteria,
        )

    def build_request(
        self, item: BatchItem, origin: JudgementOrigin, *, max_tokens: int, tag: str
    ) -> Request:
        if origin.judged is None:
            raise TargetDeleted(TARGET_DELETED)
        return build_judge_request(
            origin.judged.turns, origin.criteria, model=item.job.model, max_tokens=max_tokens, tag=tag
        )

    def expect(self, item: BatchItem, request: Request) -> Expected:
        return Expected(
            input=bound_tokens(request.prompt, request.system),
            output=min(USUAL_OUTPUT_TOKENS, request.max_tokens),
        )

    def read(self, reply: Reply, origin: JudgementOrigin) -> JudgementDraft:
        return read_judgement(reply, origin.judged.turns if origin.judged else ())

    def is_deleted(self, origin: JudgementOrigin) -> bool:
        judged = origin.judged
        return judged is None or not Conversation.objects.filter(pk=judged.conversation_id).exists()

    def name_conversation(self, origin: JudgementOrigin, key: UUID) -> UUID:
        assert origin.judged is not None
        return origin.judged.conversation_id

    def write(
        self, result: JudgementDraft, *, origin: JudgementOrigin, reply: Reply, cost_usd: Decimal, key: UUID
    ) -> bool:
        assert origin.judged is not None, "else it is deleted"
        store_judgement(result, judged=origin.judged, reply=reply, cost_usd=cost_usd, key=key)
        return True

    def has_result(self, item_id: UUID) -> bool:
        return Judgement.objects.filter(batch_item=item_id).exists()
