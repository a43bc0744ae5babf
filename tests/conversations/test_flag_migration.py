"""Flags of before, bare words, become objects; what is one already stays."""

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from conversations.models import Conversation
from tests.factories import make_conversation

pytestmark = pytest.mark.django_db


def test_words_become_objects_in_their_order_and_nothing_else_changes() -> None:
    new = {"kind": "refusal", "turn": 2, "quote": "I can't help"}
    rows = [make_conversation(flags=flags) for flags in (["turn_range", "role_labels"], [new], [])]
    before = Conversation.objects.get(pk=rows[0].pk).updated_at
    migration = import_module("conversations.migrations.0007_flags_with_turns")
    connection.check_constraints()  # a table with unchecked constraints cannot be altered
    with connection.schema_editor(atomic=False) as editor:
        migration.convert(apps, editor)
    after = [Conversation.objects.get(pk=row.pk) for row in rows]
    assert [row.flags for row in after] == [
        [
            {"kind": "turn_range", "turn": None, "quote": ""},
            {"kind": "role_labels", "turn": None, "quote": ""},
        ],
        [new],
        [],
    ]
    assert after[0].updated_at == before
