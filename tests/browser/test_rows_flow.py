"""Scenarios, edge cases and options as a person works with them: a file, a form, a list; also without script."""

from pathlib import Path

from playwright.sync_api import Page, expect

from templates_app.models import Option, Scenario
from tests.browser.conftest import OpenPage, keep_picture, ready
from workspaces.models import User

GOOD = "name;topic;tags;persona\r\nA mill;selling the mill;farm, land;Miller\r\nA boat;an old boat;;\r\n"
BAD = "name,topic,colour\r\nA mill,,red\r\n"


def choose(page: Page, tmp_path: Path, name: str, content: str) -> None:
    file = tmp_path / name
    file.write_bytes(content.encode())
    page.locator("#id_file").set_input_files(file)
    page.get_by_role("button", name="Look at what it would change").click()


def test_import_scenarios(open_page: OpenPage, owner: User, tmp_path: Path, complaints: list[str]) -> None:
    page = open_page("/scenarios/", by=owner)
    keep_picture(page, "scenarios")
    page.get_by_role("link", name="Import a file").click()
    keep_picture(page, "import")
    choose(page, tmp_path, "bad.csv", BAD)
    expect(page.locator("#problems")).to_contain_text("Nothing was imported from bad.csv: 2 problems")
    expect(page.locator("#problems")).to_contain_text("colour")
    keep_picture(page, "import-problems")
    assert len(complaints) == 1, "the browser itself reports an answer of 422"
    complaints.clear()
    before = Scenario.objects.count()
    choose(page, tmp_path, "good.csv", GOOD)
    expect(page.locator("h1")).to_have_text("Import good.csv?")
    expect(page.locator(".stats")).to_contain_text("2")
    keep_picture(page, "import-preview")
    assert Scenario.objects.count() == before
    page.get_by_role("button", name="Import 2 rows").click()
    expect(page.locator("#toaster")).to_contain_text("Scenarios: 2 made.")
    page.locator("#id_q").fill("mill")
    page.locator("#id_q").press("Enter")
    page.get_by_role("link", name="A mill").click()
    expect(page.locator("#id_persona")).to_have_value("Miller")
    keep_picture(page, "scenario")


def test_a_scenario_by_keyboard_alone(open_page: OpenPage, owner: User) -> None:
    page = ready(open_page("/batches/", by=owner))
    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(page.locator("h1")).to_have_text("Scenarios")
    ready(page)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#id_topic")).to_be_visible()
    ready(page)
    page.locator("#id_topic").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("typed by keyboard")
    page.keyboard.press("Control+s")
    expect(page.locator("#toaster")).to_contain_text("is saved")
    assert Scenario.objects.filter(topic="typed by keyboard").count() == 1


def test_options_without_script(open_page: OpenPage, owner: User, complaints: list[str]) -> None:
    page = open_page("/options/?list=tone", by=owner, script=False)
    first, second = page.locator("tbody tr").nth(0), page.locator("tbody tr").nth(1)
    was = second.locator("a").inner_text()
    first.get_by_role("button", name="down").click()
    expect(page.locator("tbody tr").nth(0)).to_contain_text(was)
    keep_picture(page, "options")
    page.get_by_role("link", name="New option").click()
    page.locator("#id_name").fill("wry")
    page.locator("#id_weight").fill("0,5")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#problems")).to_contain_text("has a decimal comma; write 0.5")
    complaints.clear()  # the browser itself reports an answer of 422
    page.locator("#id_weight").fill("0.5")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("tbody")).to_contain_text("wry")
    assert Option.objects.get(name="wry").weight_text == "0.5"
