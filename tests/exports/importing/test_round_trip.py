"""Export, import, export: the same bytes."""

import io
import random

import pytest

from conversations.models import Conversation
from exports.importing.choices import Choices
from exports.importing.running import start_import
from exports.importing.uploading import upload_file
from exports.unreviewed.stream import write_jsonl
from tests.factories import make_conversation, make_template, make_user, make_version
from tests.support.background import run

pytestmark = pytest.mark.django_db
# Letters of many kinds, what JSON escapes, what ends a line elsewhere, control characters, marks of other programs.
PIECES = (
    *(
        "a",
        "Ä",
        "שלום",
        "日本",
        "🙂",
        "e\u0301",
        " ",
        "\n",
        "\r\n",
        "\t",
        "\x0b",
        "\x85",
        "\u2028",
        "\u2029",
        "\ufeff",
    ),
    *(
        '"',
        "\\",
        "\\n",
        "\\u2028",
        "{{x}}",
        "'=1+1",
        "=",
        "</s>",
        "<|im_end|>",
        "User: ",
        "\x7f",
        "\x01",
        "\u200b",
    ),
    *("[{", '{"messages":[', ",", "null", "#REF!", "   "),
)


def make_texts(seed: int, count: int) -> list[str]:
    choose = random.Random(seed)
    return [f"x{''.join(choose.choices(PIECES, k=choose.randint(1, 12)))}" for _ in range(count)]


def export() -> bytes:
    stream = io.BytesIO()
    write_jsonl(Conversation.objects.filter(is_head=True).order_by("created_at", "title"), stream)
    return stream.getvalue()


@pytest.mark.parametrize("seed", range(3))
def test_messages_come_back_to_the_byte(seed: int) -> None:
    one, other = make_user(), make_user()
    system = make_texts(seed + 100, 1)[0]
    version = make_version(
        template=make_template(workspace=one.personal_workspace()), training_system_prompt=system
    )
    for number in range(8):
        texts = make_texts(seed * 100 + number, 4)
        make_conversation(
            by=one, turns=texts, title=f"{number}", template_version=version if number % 2 else None
        )
    first = export()
    place, choices = other.personal_workspace(), Choices()
    file = upload_file(first, name="all.jsonl", workspace=place, by=other, choices=choices)
    assert file.report["read"] == 8
    assert file.report["repaired"] == file.report["refused"] == 0
    assert run(start_import(file, choices, by=other)).result == {"imported": 8}
    Conversation.objects.filter(workspace=one.personal_workspace()).delete()
    for number, row in enumerate(Conversation.objects.order_by("created_at", "conversation_id")):
        Conversation.objects.filter(pk=row.pk).update(title=f"{number}")
    assert export() == first
