"""The table of `--all-states`: each screen in each of its states, for eyes. A name is the screen and the state."""

from typing import TYPE_CHECKING

from lorapipe.screenshots.shots import Shot
from lorapipe.screenshots.world import Stage

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

NOWHERE = "00000000-0000-4000-8000-000000000000"
NOTHING_LIKE_THIS = "zzzz-nothing-like-this"
# Only what htmx asks for: the page itself is answered.
PART_OF_PAGE = "hx-request"


def hold_parts(page: "Page") -> None:
    """What the page asks for is never answered, so that it shows that it is loading."""

    def wait(route: "Route") -> None:
        if PART_OF_PAGE not in route.request.headers:
            route.continue_()

    page.route("**/*", wait)


def fail_parts(page: "Page") -> None:
    """What the page asks for is answered with an error of the server."""

    def fail(route: "Route") -> None:
        if PART_OF_PAGE in route.request.headers:
            route.fulfill(status=500, body="")
        else:
            route.continue_()

    page.route("**/*", fail)


def search(page: "Page") -> None:
    """Type into the search field of the list, whose table is asked for then."""
    page.locator("#find").fill("savings")


def change_topic(page: "Page") -> None:
    """Type a value: the preview is asked for."""
    page.locator("main textarea").first.fill("a pension")


def approve(page: "Page") -> None:
    """Decide before the next conversation has been fetched."""
    page.keyboard.press("a")


def show_end(page: "Page") -> None:
    """Scroll to the end of the page, where parts stand that are asked for last."""
    page.locator("main").evaluate("() => window.scrollTo(0, document.body.scrollHeight)")


def spend_nothing(page: "Page") -> None:
    """Start with a budget that no batch can have: the form comes back with what is wrong."""
    page.locator("#id_budget").fill("0")
    page.locator("main button[data-primary]").click()
    page.locator("[aria-invalid=true]").first.wait_for()


def wait_for_banner(page: "Page") -> None:
    """After three polls without an answer the page says that the connection is lost."""
    page.locator("#connection:not([hidden])").wait_for()


def show(
    screen: str,
    state: str,
    path: str,
    stage: Stage = Stage.REVIEWED,
    *,
    status: int = 200,
    viewer: bool = False,
) -> Shot:
    """A screen in a state to which an address leads."""
    return Shot(name=f"{screen}-{state}", stage=stage, path=path, status=status, viewer=viewer)


NOTHING_YET = tuple(
    show(screen, "nothing-yet", path, Stage.EMPTY)
    for screen, path in (
        ("generate-all", "/"),
        ("generate-one", "/generate/"),
        ("batches", "/batches/"),
        ("conversations", "/conversations/"),
        ("review", "/review/"),
        ("exports", "/exports/"),
        ("export-new", "/exports/new/"),
        ("dashboard", "/dashboard/"),
        ("analytics", "/analytics/"),
        ("yield", "/yield/"),
        ("estimates", "/batches/estimates/"),
        ("notices", "/batches/notices/"),
        ("background-jobs", "/background-jobs/"),
        ("tokens", "/settings/tokens/"),
    )
)
NOTHING_MATCHES = tuple(
    show(screen, "nothing-matches", path)
    for screen, path in (
        ("conversations", f"/conversations/?q={NOTHING_LIKE_THIS}"),
        ("review", f"/review/?q={NOTHING_LIKE_THIS}"),
        ("export-new", f"/exports/new/?q={NOTHING_LIKE_THIS}"),
        ("scenarios", f"/scenarios/?q={NOTHING_LIKE_THIS}"),
        ("edge-cases", f"/edge-cases/?q={NOTHING_LIKE_THIS}"),
        ("options", f"/options/?q={NOTHING_LIKE_THIS}"),
        ("audit-log", f"/settings/audit/?who={NOTHING_LIKE_THIS}"),
        ("dashboard", "/dashboard/?which=real"),
    )
)
ERRORS = (
    *(
        show(screen, "error", path, status=404)
        for screen, path in (
            ("batch", f"/batches/{NOWHERE}/"),
            ("conversation", f"/conversations/{NOWHERE}/"),
            ("review", f"/review/{NOWHERE}/"),
            ("export", f"/exports/{NOWHERE}/"),
            ("template", f"/templates/{NOWHERE}/"),
        )
    ),
    Shot(name="generate-all-error", stage=Stage.REVIEWED, path="/", act=spend_nothing),
    Shot(
        name="conversations-error",
        stage=Stage.REVIEWED,
        path="/conversations/",
        prepare=fail_parts,
        act=search,
    ),
    Shot(
        name="generate-one-error",
        stage=Stage.REVIEWED,
        path="/generate/",
        prepare=fail_parts,
        act=change_topic,
    ),
    Shot(
        name="batch-running-error",
        stage=Stage.RUNNING,
        path="/batches/{running}/",
        prepare=fail_parts,
        act=wait_for_banner,
    ),
)
PARTIAL = (
    show("generate-all", "partial", "/", Stage.RUNNING),
    show("batch", "partial", "/batches/{partial}/"),
    show("batch-failed-items", "partial", "/batches/{partial}/?show=failed"),
    show("batches", "partial", "/batches/", Stage.RUNNING),
    show("conversation", "partial", "/conversations/{regenerated}/"),
    show("dashboard", "partial", "/dashboard/", Stage.RUNNING),
)
NO_PERMISSION = (
    *(
        show(screen, "no-permission", path, Stage.RUNNING, status=403, viewer=True)
        for screen, path in (
            ("cancel", "/batches/{running}/cancel/"),
            ("duplicate", "/batches/{batch}/duplicate/"),
            ("regenerate", "/conversations/{regenerated}/regenerate/"),
            ("export-new", "/exports/new/"),
        )
    ),
    *(
        show(screen, "no-permission", path, Stage.RUNNING, viewer=True)
        for screen, path in (
            ("generate-all", "/"),
            ("generate-one", "/generate/"),
            ("batch", "/batches/{running}/"),
            ("conversations", "/conversations/"),
            ("conversation", "/conversations/{regenerated}/"),
            ("review", "/review/"),
            ("exports", "/exports/"),
            ("export", "/exports/{export}/"),
            ("templates", "/templates/"),
            ("scenarios", "/scenarios/"),
            ("members", "/settings/members/"),
        )
    ),
)
LOADING = (
    Shot(
        name="conversations-loading",
        stage=Stage.REVIEWED,
        path="/conversations/",
        prepare=hold_parts,
        act=search,
    ),
    Shot(
        name="generate-one-loading",
        stage=Stage.REVIEWED,
        path="/generate/",
        prepare=hold_parts,
        act=change_topic,
    ),
    Shot(
        name="review-loading",
        stage=Stage.REVIEWED,
        path="/review/?batch={batch}",
        prepare=hold_parts,
        act=approve,
    ),
    Shot(
        name="batch-loading", stage=Stage.REVIEWED, path="/batches/{batch}/", prepare=hold_parts, act=show_end
    ),
)
STATES = (*NOTHING_YET, *NOTHING_MATCHES, *ERRORS, *PARTIAL, *NO_PERMISSION, *LOADING)
