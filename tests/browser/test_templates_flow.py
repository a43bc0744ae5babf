"""Templates as a person works with them: write, preview, save, publish, edit, compare, go back; also without script."""

import re

from playwright.sync_api import Dialog, Page, expect

from templates_app.models import PromptTemplate
from tests.browser.conftest import OpenPage, keep_picture, ready
from tests.support.polling import wait_for
from workspaces.models import User

TEXT = "Ask about {{topic}} in a {{tone ? 'warm' : 'plain'}} voice."


def test_write_publish_edit_compare_and_go_back(
    open_page: OpenPage, owner: User, complaints: list[str]
) -> None:
    page = ready(open_page("/templates/new/", by=owner))
    page.locator("#id_name").fill("Mine")
    write(page)
    save(page, "Saved as the first draft")
    refused_without_a_note(page)
    assert len(complaints) == 1, "the browser itself reports an answer of 422"
    complaints.clear()
    publish(page, note="first")
    edit_to_version_two(page)
    publish(page, note="second")
    compare_and_go_back(page)
    texts = PromptTemplate.objects.get(name="Mine").versions.order_by("number").values_list("text", flat=True)
    assert list(texts) == [TEXT, TEXT.replace("Ask", "Talk"), TEXT]


def write(page: Page) -> None:
    """The table, the check and the preview follow the typing; what is typed and its place stay."""
    text = page.locator("#id_text")
    text.press_sequentially(TEXT[:-8], delay=15)
    expect(page.locator("#var-topic")).to_be_visible()
    text.press_sequentially(TEXT[-8:], delay=15)
    expect(page.locator("#var-tone")).to_be_visible()
    expect(text).to_have_value(TEXT)
    expect(text).to_be_focused()
    expect(page.locator("#preview-1 .m-missing")).to_have_text("{{topic}}")
    assert page.locator(".var").count() == 2
    page.locator("#try-topic").press_sequentially("<b>{{tone}} & co", delay=15)
    expect(page.locator("#preview-1 .m-filled")).to_have_text("<b>{{tone}} & co")
    expect(page.locator("#try-topic")).to_be_focused()
    expect(page.locator("#try-topic")).to_have_value("<b>{{tone}} & co")
    page.locator("#type-tone").select_option("dropdown")
    page.locator("#options-tone").fill("warm\ncold")
    page.locator("#required-tone, [name=required-tone]").first.uncheck()
    expect(page.locator("#findings")).to_contain_text("No faults found")
    keep_picture(page, "editor-live")


def save(page: Page, said: str) -> None:
    page.keyboard.press("Control+s")
    expect(page.locator("#toaster")).to_contain_text(said)


def refused_without_a_note(page: Page) -> None:
    page.get_by_role("link", name=re.compile("Publish…")).click()
    page.get_by_role("button", name=re.compile("Publish version")).click()
    expect(page.locator("main")).to_contain_text("A note is needed")
    page.get_by_role("link", name="Back to the editor").click()


def publish(page: Page, *, note: str) -> None:
    page.get_by_role("link", name=re.compile("Publish…")).click()
    page.locator("#id_note").fill(note)
    page.get_by_role("button", name=re.compile("Publish version")).click()
    expect(page.locator("#versions")).to_be_visible()
    expect(page.locator("tr", has_text=note)).to_contain_text("In use")


def edit_to_version_two(page: Page) -> None:
    page.get_by_role("link", name="Edit").click()
    expect(page.locator("h1")).to_contain_text("Mine")
    ready(page)
    expect(page.locator("#options-tone")).to_have_value("warm\ncold")
    page.locator("#id_text").fill(TEXT.replace("Ask", "Talk"))
    save(page, "Saved as draft 2")


def compare_and_go_back(page: Page) -> None:
    ready(page).keyboard.press("d")
    expect(page.locator(".diff del").first).to_have_text("Ask")
    expect(page.locator(".diff ins").first).to_have_text("Talk")
    page.get_by_role("link", name="Mine").click()
    page.get_by_role("link", name="Go back to version 1").click()
    page.get_by_role("button", name="Publish the text of version 1 again").click()
    expect(page.locator("tr", has_text="Back to version 1")).to_contain_text("In use")
    keep_picture(page, "template-with-versions")


def test_unsaved_words_are_not_lost_by_a_slip(open_page: OpenPage, owner: User) -> None:
    page = ready(open_page("/templates/new/", by=owner))
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.locator("#id_text").press_sequentially("words")
    page.locator(".side [data-go=b]").click(no_wait_after=True)
    wait_for(lambda: page.locator("#id_text").is_visible() and bool(asked), what="the browser asks")
    expect(page.locator("#id_text")).to_have_value("words")
    assert asked == ["beforeunload"]


def test_the_request_follows_the_values(open_page: OpenPage, owner: User) -> None:
    template = PromptTemplate.objects.get(name="Emotional arc")
    page = ready(open_page(f"/templates/{template.pk}/v/1/test/", by=owner))
    page.locator("#value-topic").press_sequentially("a pension & <more>", delay=10)
    expect(page.locator("#asked-prompt")).to_contain_text("Topic: a pension & <more>")
    expect(page.locator("#asked-json")).to_contain_text('"max_tokens": 8192')
    expect(page.locator("#tried .stats")).to_contain_text("At worst")
    keep_picture(page, "template-tried")


def test_without_script(open_page: OpenPage, owner: User) -> None:
    page = open_page("/templates/new/", by=owner, script=False)
    page.locator("#id_name").fill("Plain")
    page.locator("#id_text").fill("On {{topic}} and {{n}} {{")
    page.get_by_role("button", name="Check").last.click()
    expect(page.locator("#findings")).to_contain_text("never closed")
    page.locator("#id_text").fill("On {{topic}} and {{n}}")
    page.locator("#type-n").select_option("number")
    page.locator("#try-topic").fill("houses")
    page.get_by_role("button", name="Check").last.click()
    expect(page.locator("#preview-1 .m-filled")).to_have_text("houses")
    page.locator("#minimum-n").fill("2")
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator("h1")).to_contain_text("Draft")
    (topic, number) = PromptTemplate.objects.get(name="Plain").versions.get().typed_variables()
    assert (topic.name, number.type, number.minimum) == ("topic", "number", 2)
    page.get_by_role("link", name="Test render").click()
    page.locator("#value-topic").fill("houses")
    page.locator("#value-n").fill("3")
    page.get_by_role("button", name="Show the request").click()
    expect(page.locator("#asked-prompt")).to_have_text("On houses and 3")
