"""I1 and I2 for each kind of items: an item has at most one result, and is completed if and only if its result is there.

The tables `i` (items) and `j` (jobs) in scope are those of `batches.engine.invariants`.
"""

from dataclasses import dataclass

from conversations.states import JudgedDimension


@dataclass(frozen=True, kw_only=True)
class Rule:
    """`query` selects the rows of `table` that break the rule, in three columns: id, what is found, what is expected."""

    name: str
    says: str
    table: str
    query: str


CONVERSATION_RULES = (
    Rule(
        name="I1",
        says="at most one conversation per item",
        table="batch_items",
        query="""SELECT i.id, count(*) || ' conversations', 'at most 1' FROM conversations c JOIN i ON i.id = c.batch_item_id GROUP BY 1 HAVING count(*) > 1""",
    ),
    Rule(
        name="I2",
        says="an item is completed if and only if its conversation is there",
        table="batch_items",
        query="""SELECT i.id, i.status || CASE WHEN c.id IS NULL THEN ', no conversation' ELSE ', conversation ' || c.id END,
                         CASE WHEN c.id IS NULL THEN 'a conversation, or not completed' ELSE 'completed' END
                    FROM i LEFT JOIN conversations c ON c.batch_item_id = i.id AND c.turn_count > 0
                   WHERE i.kind <> 'judgement' AND (i.status = 'completed') <> (c.id IS NOT NULL)
                     -- but for those whose conversation was deleted by `Conversation.delete`
                     AND NOT (c.id IS NULL AND i.conversation_deleted_at IS NOT NULL)""",
    ),
    Rule(
        name="I2",
        says="a conversation has all its turns",
        table="conversations",
        query="""SELECT c.id, t.n || ' turns', c.turn_count || ' turns'
                    FROM conversations c JOIN i ON i.id = c.batch_item_id CROSS JOIN LATERAL (
                         SELECT count(*) AS n FROM conversation_turns o WHERE o.conversation_id = c.id) t
                   WHERE c.turn_count <> t.n""",
    ),
)
JUDGEMENT_RULES = (
    Rule(
        name="I1",
        says="at most one judgement per item",
        table="batch_items",
        query="""SELECT i.id, count(*) || ' judgements', 'at most 1' FROM judgements g JOIN i ON i.id = g.batch_item_id GROUP BY 1 HAVING count(*) > 1""",
    ),
    Rule(
        name="I2",
        says="an item is completed if and only if its judgement is there",
        table="batch_items",
        query="""SELECT i.id, i.status || CASE WHEN g.id IS NULL THEN ', no judgement' ELSE ', judgement ' || g.id END,
                         CASE WHEN g.id IS NULL THEN 'a judgement, or not completed' ELSE 'completed' END
                    FROM i LEFT JOIN judgements g ON g.batch_item_id = i.id
                   WHERE i.kind = 'judgement' AND (i.status = 'completed') <> (g.id IS NOT NULL)
                     -- a judgement is deleted with its conversation, which also empties the item's reference
                     AND NOT (g.id IS NULL AND i.judges_id IS NULL)""",
    ),
    Rule(
        name="I2",
        says="a judgement has a score for each dimension",
        table="judgements",
        query=f"""SELECT g.id, s.n || ' scores', '{len(JudgedDimension)} scores'
                    FROM judgements g JOIN i ON i.id = g.batch_item_id CROSS JOIN LATERAL (
                         SELECT count(*) AS n FROM judgement_scores o WHERE o.judgement_id = g.id) s
                   WHERE s.n <> {len(JudgedDimension)}""",  # noqa: S608
    ),
)
RULES_OF_KINDS = (*CONVERSATION_RULES, *JUDGEMENT_RULES)
