"""The small world of the pictures, made by real runs through the API, and reached stage by stage."""

import enum
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lorapipe.screenshots.demo_stack import DemoFailed, DemoStack

if TYPE_CHECKING:
    from playwright.sync_api import Page, StorageState

    from lorapipe.screenshots.browser import Studio

FLAWED_EVERY = 3
QUICK_S, SLOW_S = 0.3, 2.0
# From then on no call of the running batch comes back, so that its pictures show the same numbers.
ENDLESS_S = 600.0
RUN_UNTIL = 30
APPROVED, WANTED_S, POLL_S = 6, 240.0, 0.3
ENDED = ("completed", "failed", "paused", "cancelled")
INVITATION = re.compile(r"/sign-in/[\w-]+/")
COPY = "near_duplicate"
FAULTY = {"kind": "bad_request", "times": 1}
INSTRUCTION = "Let the person doubt the answer once, and end with the next step."
SENT_BACK = {
    "reviewAction": "needs_revision",
    "reasons": ["persona"],
    "note": "Sounds like an adviser, not like somebody who worries.",
}
REJECTED_NOTE = "Almost the same as an earlier one."
REJECTED = {"reviewAction": "reject", "reasons": ["repetitive"], "note": REJECTED_NOTE}


class Stage(enum.IntEnum):
    """How far the world has come. Each picture is taken at one of them."""

    EMPTY = 0
    GENERATED = 1
    REVIEWED = 2
    RUNNING = 3
    COUNTED = 4


@dataclass
class World:
    """What has been made so far. The paths of the pictures are built from its ids."""

    stack: DemoStack
    page: "Page"  # of the owner; requests are sent with its session
    session: "StorageState | None" = None
    viewer: "StorageState | None" = None
    stage: Stage = Stage.EMPTY
    batch: str = ""
    partial: str = ""
    running: str = ""
    export: str = ""
    conversations: list[dict[str, Any]] = field(default_factory=list)
    flagged: str = ""  # a copy of another conversation, which is rejected
    weak: str = ""  # one that is sent back
    regenerated: str = ""

    def sign_in(self, studio: "Studio") -> None:
        """Open the link of the owner, and make an account for a viewer of the owner's workspace."""
        self.page.goto(self.stack.sign_in_url)
        _confirm_link(self.page)
        self.session = self.page.context.storage_state()
        self._invite_viewer(studio)

    def reach(self, stage: Stage) -> None:
        """Go on until the world has come so far. It never goes back."""
        steps = {
            Stage.GENERATED: self._generate,
            Stage.REVIEWED: self._review,
            Stage.RUNNING: self._run,
            Stage.COUNTED: self._wait_for_numbers,
        }
        while self.stage < stage:
            self.stage = Stage(self.stage + 1)
            steps[self.stage]()

    def find_path(self, pattern: str) -> str:
        """The address with the ids of this world: `/batches/{batch}/`."""
        names = ("batch", "partial", "running", "export", "flagged", "weak", "regenerated")
        return pattern.format(**{name: getattr(self, name) for name in names})

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer of the API as the owner. Raises DemoFailed when it is an error."""
        cookies = {each.get("name"): each.get("value", "") for each in self.page.context.cookies()}
        token = next((value for name, value in cookies.items() if name and name.endswith("csrftoken")), "")
        headers = {"X-CSRFToken": token, "Referer": self.stack.url}
        answer = self.page.request.fetch(f"/api/{path}", method=method, data=body, headers=headers)
        if not answer.ok:
            raise DemoFailed(f"{method} /api/{path} was answered with {answer.status}: {answer.text()[:500]}")
        found: dict[str, Any] = answer.json()
        return found

    # --- the stages ----------------------------------------------------------------------------------

    def _generate(self) -> None:
        """A finished batch of 15 conversations, each fourth of them flawed, and a small one of which one item has failed."""
        self.stack.change_simulator(latency=QUICK_S, flawed_every=FLAWED_EVERY)
        self.batch = self._start({"name": "Edge cases for the advisor", "tier": "edge_case"})
        self._wait_for_batch(self.batch, lambda found: found["status"] in ENDED)
        self.stack.plan_faults(FAULTY)
        scenarios = self.call("GET", "scenarios?limit=3")["scenarios"]
        plan = {"name": "Three scenarios to try", "scenarioIds": [each["id"] for each in scenarios]}
        self.partial = self._start(plan)
        self._wait_for_batch(self.partial, lambda found: found["status"] in ENDED)
        self.stack.plan_faults()
        self.conversations = self.call("GET", f"review/queue?batch={self.batch}&limit=50")["conversations"]
        flagged, good = self._divide()
        self.flagged, self.weak = flagged[0]["id"], good[0]["id"]

    def _review(self) -> None:
        """Six approved, one sent back and made anew, one rejected; the approved ones are exported."""
        self._decide(self.flagged, REJECTED)
        self._decide(self.weak, SENT_BACK)
        for each in self._divide()[1][1 : APPROVED + 1]:
            self._decide(each["id"], {"reviewAction": "approve"})
        body = {"instruction": INSTRUCTION}
        made = self.call("POST", f"conversations/{self.weak}/regenerate", body)
        self.regenerated = made["conversation"]["id"]
        wanted = {"name": "Advisor, first round", "filter": {"batch": self.batch}, "simulated": True}
        self.export = self.call("POST", "exports", {**wanted, "validationPercent": 20})["export"]["id"]
        ends = ("completed", "checked", "blocked", "failed")
        self._wait(
            lambda: self.call("GET", f"exports/{self.export}")["export"]["status"] in ends, "the export"
        )

    def _run(self) -> None:
        """The whole starter plan, of which a third is done and the rest never comes back."""
        self.stack.change_simulator(latency=SLOW_S)
        self.running = self._start({"name": "Starter plan, 90 conversations"})
        self._wait_for_batch(self.running, lambda found: found["completedItems"] >= RUN_UNTIL)
        self.stack.change_simulator(latency=ENDLESS_S)
        # What is asked already comes back yet.
        self.page.wait_for_timeout(SLOW_S * 2 * 1000)

    def _wait_for_numbers(self) -> None:
        """The dashboard counts by day, and is at most a minute behind."""

        def is_there() -> bool:
            rows = self.call("GET", "analytics/conversations")["rows"]
            counted = sum(int(each["conversations"]) for each in rows)
            return counted == int(self.call("GET", "conversations?limit=1")["total"])

        self._wait(is_there, "the numbers of the dashboard")

    # --- pieces --------------------------------------------------------------------------------------

    def _start(self, plan: dict[str, Any]) -> str:
        job: str = self.call("POST", "conversations/generate-batch", plan)["jobId"]
        return job

    def _wait_for_batch(self, job: str, is_there: Callable[[dict[str, Any]], bool]) -> None:
        path = f"conversations/batch/{job}/status"
        self._wait(lambda: is_there(self.call("GET", path)), "a batch of the demonstration")

    def _wait(self, is_there: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + WANTED_S
        while not is_there():
            if time.monotonic() > deadline:
                raise DemoFailed(f"{what[0].upper()}{what[1:]} did not end within {WANTED_S:.0f} seconds.")
            time.sleep(POLL_S)

    def _divide(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The flagged conversations of the batch, a copy of another one first, and those without a flag."""
        flagged = [each for each in self.conversations if each["flags"]]
        flagged.sort(key=lambda each: all(flag["kind"] != COPY for flag in each["flags"]))
        good = [each for each in self.conversations if not each["flags"]]
        if not flagged or len(good) <= APPROVED:
            raise DemoFailed(
                f"The demonstration needs other numbers: {len(flagged)} flagged, {len(good)} not."
            )
        return flagged, good

    def _decide(self, conversation: str, decision: dict[str, Any]) -> None:
        self.call("PATCH", f"conversations/{conversation}", decision)

    def _invite_viewer(self, studio: "Studio") -> None:
        self.page.goto("/settings/members/")
        form = self.page.locator("form", has=self.page.locator("#id_invite_username"))
        form.locator("#id_invite_username").fill("anna")
        form.locator("[name=role]").select_option("viewer")
        form.locator("button[value=invite]").click()
        link = INVITATION.search(self.page.locator("#link-text").inner_text())
        if link is None:
            raise DemoFailed("The page of the members showed no link for the new account.")
        with studio.open_window(self.stack.url) as page:
            page.goto(link[0])
            _confirm_link(page)
            page.goto("/settings/workspaces/")
            page.locator("tr", has=page.get_by_text("Viewer")).get_by_role("button", name="Work here").click()
            page.locator("tr", has=page.get_by_text("Viewer")).get_by_text("You work here").wait_for()
            self.viewer = page.context.storage_state()


def _confirm_link(page: "Page") -> None:
    """The page of a sign-in link asks before it signs in, so that a program that looks at links uses none up."""
    if button := page.locator("main form button").all():
        button[0].click()
    page.locator("nav.navi").first.wait_for()
