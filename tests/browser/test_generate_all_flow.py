"""The main job, driven as a person would: sign in, generate all, watch, pause, resume, read one, download."""

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from batches.models import BatchJob
from batches.models.states import JobStatus
from conversations.models import Conversation
from tests.browser.conftest import OpenPage, keep_picture
from tests.support.engine import Engine, wait_for_end
from tests.support.polling import wait_for
from tests.support.simulator import RunningSimulator
from workspaces.actions import create_sign_in_link
from workspaces.models import User

STATE = "#live h1"


def test_generate_all(
    open_page: OpenPage, engine: Engine, fast_simulator: RunningSimulator, owner: User
) -> None:
    engine.start()
    fast_simulator.options(latency=0.8, rpm=None, burst=None)
    page = open_page(f"/sign-in/{create_sign_in_link(owner)}/")
    page.get_by_role("button", name="Sign in as owner").click()
    expect(page.locator("#the-plan")).to_contain_text("90 conversations")
    page.get_by_role("button", name=re.compile(r"Start, spend up to \$")).click()
    wait_for(BatchJob.objects.exists, what="the job is made")
    job = BatchJob.objects.get()
    watch_pause_and_resume(page, job)
    fast_simulator.options(latency=0.05, rpm=None, burst=None)
    wait_for_end(job, states=[JobStatus.COMPLETED])
    expect(page.locator(STATE)).to_contain_text("Completed")
    expect(page.locator("#live .big strong")).to_have_text("90")
    keep_picture(page, "finished")
    assert len(lines_of_download(page)) == 90
    read_one(page)


def watch_pause_and_resume(page: Page, job: BatchJob) -> None:
    expect(page.locator("#live .now")).to_contain_text("Generating")
    expect(page.locator("#items")).to_contain_text("Completed")
    expect(page.locator("#live")).not_to_contain_text("estimating")
    keep_picture(page, "running", whole=False)
    page.keyboard.press("p")
    expect(page.locator(STATE)).to_contain_text(re.compile("Paus"))
    wait_for_end(job, states=[JobStatus.PAUSED])
    expect(page.locator(STATE)).to_contain_text("Paused")
    assert 0 < job.completed_items < 90
    expect(page.locator("#live .big strong")).to_have_text(str(job.completed_items))
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(STATE)).to_contain_text("Processing")


def lines_of_download(page: Page) -> list[dict[str, list[dict[str, str]]]]:
    with page.expect_download() as started:
        page.get_by_role("link", name="Download JSONL").click()
    assert "simulated" in started.value.suggested_filename
    lines = [json.loads(line) for line in Path(started.value.path()).read_text().splitlines()]
    for line in lines:
        roles = [message["role"] for message in line["messages"] if message["role"] != "system"]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
    return lines


def read_one(page: Page) -> None:
    page.locator("#items td.title a").first.click()
    page.locator("h1 .badge", has_text="Simulated").wait_for()
    made = Conversation.objects.get(pk=urlsplit(page.url).path.split("/")[2])
    shown = page.locator(".turn:not(.system) .bubble").all_text_contents()
    assert shown == [turn.content for turn in made.turns.all()]
    keep_picture(page, "read")
    (line,) = lines_of_download(page)
    assert [message["content"] for message in line["messages"] if message["role"] != "system"] == shown
