"""The verbs: who makes which version, and what cannot be done."""

import pytest
from django.db import IntegrityError, transaction

from lib.stale_state import StaleState
from templates_app.models import NotPublishable, PromptTemplate, TemplateVersion
from templates_app.packs.importing import import_template
from templates_app.packs.pack import PackError
from templates_app.packs.template_file import dump
from templates_app.prompts import editing
from templates_app.prompts.checks import WrongContent
from templates_app.prompts.editing import EditConflict
from templates_app.text.content import Content
from tests.factories import make_template, make_user, make_version, make_workspace
from workspaces.models import User

pytestmark = pytest.mark.django_db
TEXT = Content(text="On {{topic}}", variables=[{"name": "topic", "type": "text", "required": True}])


@pytest.fixture
def user() -> User:
    return make_user()


def made(user: User, content: Content = TEXT, name: str = "Mine") -> PromptTemplate:
    return editing.create(user.personal_workspace(), name=name, tier="scenario", content=content, by=user)


def test_a_new_template_is_a_draft(user: User) -> None:
    version = made(user).versions.get()
    assert (version.number, version.is_draft, version.created_by) == (1, True, user)
    assert version.content() == TEXT


def test_a_draft_is_edited_in_place_and_a_published_version_is_not(user: User) -> None:
    template = made(user)
    first = editing.save_draft(template, Content(text="Other"), by=user)
    assert (first.number, template.versions.count()) == (1, 1)
    editing.publish_draft(template, note="first", by=user)
    assert editing.save_draft(template, Content(text="Other"), by=user) == first, "nothing new, no version"
    second = editing.save_draft(template, Content(text="Third"), by=user)
    assert (second.number, second.is_draft) == (2, True)
    first.refresh_from_db()
    assert (first.text, first.note) == ("Other", "first")
    assert template.published_version() == first


def test_who_was_overtaken_writes_nothing(user: User) -> None:
    template = made(user)
    seen = editing.make_stamp(template.newest_version())
    editing.save_draft(template, Content(text="theirs"), by=user, seen=seen)
    with pytest.raises(EditConflict):
        editing.save_draft(template, Content(text="mine"), by=user, seen=seen)
    assert template.versions.get().text == "theirs"


def test_publishing_needs_a_note_and_a_sound_text(user: User) -> None:
    template = made(user)
    with pytest.raises(NotPublishable, match="needs a note"):
        editing.publish_draft(template, note=" ", by=user)
    editing.save_draft(template, Content(text="{{topic"), by=user)
    with pytest.raises(NotPublishable, match="never closed"):
        editing.publish_draft(template, note="x", by=user)
    editing.save_draft(template, TEXT, by=user)
    editing.publish_draft(template, note="x", by=user)
    with pytest.raises(StaleState):
        editing.publish_draft(template, note="again", by=user)


def test_rolling_back_publishes_the_old_text_as_a_new_version(user: User) -> None:
    template = make_template(workspace=user.personal_workspace(), text="one {{topic}}")
    make_version(template=template, text="two {{topic}}")
    third = editing.roll_back(template, to=1, note="", by=user)
    assert (third.number, third.text, third.note) == (3, "one {{topic}}", "Back to version 1")
    assert template.published_version() == third
    editing.save_draft(template, Content(text="open"), by=user)
    with pytest.raises(StaleState, match="open as draft 4"):
        editing.roll_back(template, to=2, note="", by=user)


def test_publishing_drops_what_the_texts_do_not_use(user: User) -> None:
    tone = {"name": "tone", "type": "text", "required": True}
    content = Content(text="{{topic}}", variables=[*TEXT.variables, tone, {**tone, "name": "old"}])
    template = made(user, content)
    first = editing.publish_draft(template, note="first", by=user, keep=["tone"])
    first.refresh_from_db()
    assert first.variables == [*TEXT.variables, {**tone, "required": False}]
    editing.save_draft(template, content, by=user)
    second = editing.publish_draft(template, note="second", by=user)
    second.refresh_from_db()
    assert second.variables == TEXT.variables


def test_an_old_version_keeps_its_syntax_until_it_is_edited(user: User) -> None:
    text = r"\{{topic}} {{topic ? '{{x}}' : ''}}"
    old = Content(text=text, variables=TEXT.variables, syntax=1)
    template = made(user, old)
    first = editing.publish_draft(template, note="first", by=user)
    values = {"topic": "tea"}
    assert first.prompt(values) == r"\tea {{x}}"
    assert editing.save_draft(template, old.upgrade(), by=user) == first, "it means the same"
    second = editing.save_draft(
        template, Content(text=old.upgrade().text + "!", variables=old.variables), by=user
    )
    assert (second.syntax, second.prompt(values)) == (2, r"\tea {{x}}!")
    editing.discard_draft(template, by=user)
    third = editing.roll_back(template, to=1, note="", by=user)
    assert (third.syntax, third.text, third.prompt(values)) == (1, text, r"\tea {{x}}")
    body = dump(name="Old", tier="scenario", content=third.content())
    imported = import_template(user.personal_workspace(), body, by=user).versions.get()
    assert (imported.syntax, imported.text) == (1, text)


def test_a_draft_is_discarded_but_not_the_only_version(user: User) -> None:
    template = make_template(workspace=user.personal_workspace())
    editing.save_draft(template, Content(text="new"), by=user)
    editing.discard_draft(template, by=user)
    assert template.versions.get().number == 1
    with pytest.raises(StaleState):
        editing.discard_draft(template, by=user)
    with pytest.raises(StaleState):
        editing.discard_draft(made(user), by=user)


def test_archive_and_restore_move_once(user: User) -> None:
    template = make_template()
    template.archive(by=user)
    assert not PromptTemplate.objects.usable().filter(pk=template.pk).exists()
    with pytest.raises(StaleState):
        template.archive(by=user)
    template.restore(by=user)
    with pytest.raises(StaleState):
        template.restore(by=user)


def test_a_duplicate_is_a_draft_with_a_free_name(user: User) -> None:
    template = make_template(workspace=user.personal_workspace(), name="Arc")
    names = [editing.duplicate(template, into=user.personal_workspace(), by=user).name for _ in range(3)]
    assert names == ["Arc copy", "Arc copy 2", "Arc copy 3"]
    copy = PromptTemplate.objects.get(name="Arc copy").versions.get()
    assert copy.is_draft
    assert copy.content() == template.versions.get().content()


def test_import_is_what_was_exported(user: User) -> None:
    body = dump(name="Mine", tier="edge_case", content=TEXT)
    template = import_template(user.personal_workspace(), body, by=user)
    assert (template.name, template.tier) == ("Mine", "edge_case")
    assert import_template(user.personal_workspace(), body, by=user).name == "Mine 2"
    version = template.versions.get()
    assert dump(name=template.name, tier=template.tier, content=version.content()) == body


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"nonsense", PackError),
        (b'[[template]]\nname="a"\ntier="template"\ntext="a\\u0000b"\n', WrongContent),
        (b'[[template]]\nname="a\\nb"\ntier="template"\ntext="x"\n', WrongContent),
        (b'[[template]]\nname="a"\ntier="template"\ntext="x"\nlanguage="klingon it is"\n', WrongContent),
    ],
)
def test_a_bad_file_stores_nothing(user: User, body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        import_template(user.personal_workspace(), body, by=user)
    assert not PromptTemplate.objects.exists()


def test_names_are_checked(user: User) -> None:
    template = made(user)
    with pytest.raises(WrongContent, match="has this name"):
        made(user)
    for name in ("", "  ", "x" * 201, "a\nb", "a\x00"):
        with pytest.raises(WrongContent):
            made(user, name=name)
    other = made(user, name="Other")
    with pytest.raises(WrongContent):
        editing.rename(other, name="Mine", tier="scenario", by=user)
    editing.rename(other, name="Third", tier="template", by=user)
    other.refresh_from_db()
    assert (other.name, other.tier) == ("Third", "template")
    assert editing.find_free_name(make_workspace(), template.name) == "Mine"


@pytest.mark.parametrize(
    "content",
    [
        Content(text="a\x00"),
        Content(text="x", variables=[{"name": "a\x00"}]),
        Content(text="x", variables=[{"name": "a", "options": ["\ud800"]}]),
        Content(text="x", variables=[{"name": "a", "colour": 1}]),
        Content(text="x", variables=[{"name": "a"}, {"name": "a"}]),
        Content(text="x", variables=[{"name": f"a{n}"} for n in range(201)]),
        Content(text="x" * 1_000_001),
        Content(text="x", language="no language"),
        Content(text="x", model="two words"),
    ],
)
def test_what_cannot_be_stored(user: User, content: Content) -> None:
    with pytest.raises(WrongContent):
        made(user, content)


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "Other"},
        {"system_prompt": "Other"},
        {"training_system_prompt": "Other"},
        {"variables": []},
        {"language": "de"},
        {"model": "other"},
        {"number": 9},
        {"turns_min": 4},
        {"turns_max": 4},
        {"note": "Other"},
        {"syntax": 1},
        {"published_at": None},
        {"published_at": "2020-01-01T00:00:00Z"},
    ],
)
def test_the_orm_cannot_change_a_published_version(fields: dict[str, object]) -> None:
    version = make_template().versions.get()
    before = TemplateVersion.objects.filter(pk=version.pk).values().get()
    for name, value in fields.items():
        setattr(version, name, value)
    for change in (
        version.save,
        lambda: version.save(update_fields=list(fields)),
        lambda: TemplateVersion.objects.filter(pk=version.pk).update(**fields),
        lambda: TemplateVersion.objects.bulk_update([version], list(fields)),
        version.delete,
        TemplateVersion.objects.filter(pk=version.pk).delete,
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()
    assert TemplateVersion.objects.filter(pk=version.pk).values().get() == before


def test_a_person_who_goes_leaves_the_versions(user: User) -> None:
    template = make_template(workspace=make_workspace())
    version = make_version(template=template, created_by=user)
    user.delete()
    version.refresh_from_db()
    assert version.created_by is None
