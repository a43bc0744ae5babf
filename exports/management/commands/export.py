"""`./run manage export`: the same export as on the page, with its files copied into a folder."""

import shutil
import threading
import time
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError, CommandParser

from background.running import run_job
from conversations.web.forms import LONGEST_FILTER
from exports.formats import FORMATS
from exports.models import Export
from exports.models.exports import LARGEST_SEED, LONGEST_NAME, MOST_SET_ASIDE
from exports.models.states import ExportState
from exports.running.actions import Choices, create_export
from exports.running.storing import get_storage
from exports.unreviewed.target import make_draft_path
from workspaces.models import User, Workspace

LOOK_EVERY_S = 0.2


class Command(BaseCommand):
    requires_system_checks: list[str] = []
    help = "Export approved conversations into files for a trainer, with a manifest. The same as the page Exports."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", type=Path, required=True, help="the folder for the files; it is made")
        parser.add_argument("--format", choices=list(FORMATS), default="messages")
        parser.add_argument("--name", default="Approved conversations", help="the files are named after it")
        parser.add_argument("--user", default="", help="whose workspace; the first user by default")
        parser.add_argument("--workspace", type=UUID, help="another workspace that this user reviews in")
        parser.add_argument(
            "--filter",
            default="",
            help="as in the address of the list of conversations: 'tier=scenario&q=rent'",
        )
        parser.add_argument("--unreviewed", action="store_true", help="also what nobody has decided about")
        parser.add_argument("--simulated", action="store_true", help="also what the simulator has written")
        parser.add_argument("--since", type=UUID, help="only what was not in this export")
        parser.add_argument("--validation", type=_percent, default=0, help="percent")
        parser.add_argument("--test", type=_percent, default=0, help="percent")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--most-per-cell", type=int, help="the most conversations of a tier and persona")
        parser.add_argument("--token-limit", type=int, help="the longest conversation that the trainer takes")
        parser.add_argument("--no-system", action="store_true", help="without system messages")
        parser.add_argument("--metadata", action="store_true", help="with id and metadata in each row")
        parser.add_argument("--train-flags", help="the name of the flag at each message")

    def handle(self, *args: Any, **given: Any) -> None:
        _check(given)
        user = _find_user(given["user"])
        workspace = _find_workspace(given["workspace"], user)
        try:
            made = create_export(workspace=workspace, by=user, pauses=False, **_read(given, workspace))
        except PermissionDenied as refused:
            raise CommandError("This user does not review in that workspace.") from refused
        made = _wait_for(made)
        for finding in made.report.get("findings", []):
            self.stderr.write(f"{finding['severity']}: {finding['count']:,} {finding['sentence']}")
        if made.state != ExportState.COMPLETED:
            raise CommandError(made.job.error if made.job and made.job.error else made.state.label)
        for path in _copy(made, given["out"]):
            self.stdout.write(str(path))


def _percent(text: str) -> int:
    if not text.isdecimal() or int(text) > MOST_SET_ASIDE:
        raise ArgumentTypeError(f"give a number from 0 to {MOST_SET_ASIDE}")
    return int(text)


def _check(given: dict[str, Any]) -> None:
    """Raises CommandError for what the page would refuse."""
    chosen = FORMATS[given["format"]]
    bounds = {"most_per_cell": (1, 10_000_000), "token_limit": (1, 10_000_000), "seed": (0, LARGEST_SEED)}
    for name, (low, high) in bounds.items():
        if given[name] is not None and not low <= given[name] <= high:
            raise CommandError(f"--{name.replace('_', '-')}: give a number from {low:,} to {high:,}.")
    if given["validation"] + given["test"] > MOST_SET_ASIDE:
        raise CommandError(f"--validation and --test have at most {MOST_SET_ASIDE} percent together.")
    if not 0 < len(given["name"].strip()) <= LONGEST_NAME:
        raise CommandError(f"--name: give at most {LONGEST_NAME} characters.")
    if len(given["filter"]) > LONGEST_FILTER:
        raise CommandError(f"--filter: give at most {LONGEST_FILTER:,} characters.")
    if chosen.missing:
        raise CommandError(chosen.missing)
    if given["train_flags"] and given["train_flags"] not in chosen.train_flags:
        raise CommandError(f"--train-flags: {chosen.label} has {', '.join(chosen.train_flags) or 'none'}.")


def _find_user(name: str) -> User:
    rows = User.objects.order_by("date_joined", "pk")
    found: User | None = (rows.filter(username=name) if name else rows).first()
    if found is None:
        raise CommandError(f"There is no user {name}." if name else "There is no user yet.")
    return found


def _find_workspace(key: UUID | None, user: User) -> Workspace:
    if key is None:
        return user.personal_workspace()
    found = Workspace.objects.filter(pk=key, members=user).first()
    if found is None:
        raise CommandError(f"--workspace {key}: this user has no such workspace.")
    return found


def _read(given: dict[str, Any], workspace: Workspace) -> Choices:
    since = None
    if given["since"] is not None:
        since = Export.objects.frozen_in(workspace.pk).filter(pk=given["since"]).first()
        if since is None:
            raise CommandError(f"--since {given['since']}: there is no such export in this workspace.")
    return Choices(
        name=given["name"].strip(),
        format=given["format"],
        options={
            "system": not given["no_system"],
            "metadata": given["metadata"],
            "train_flags": given["train_flags"],
        },
        token_limit=given["token_limit"],
        filter=given["filter"],
        approved_only=not given["unreviewed"],
        simulated=given["simulated"],
        since=since,
        validation_percent=given["validation"],
        test_percent=given["test"],
        seed=given["seed"],
        most_per_cell=given["most_per_cell"],
    )


def _wait_for(made: Export) -> Export:
    """Run the job here, unless a worker was quicker; then wait for it."""
    assert made.job_id is not None
    while True:
        run_job(made.job_id, worker=uuid4(), stopping=threading.Event())
        found: Export = Export.objects.select_related("job").get(pk=made.pk)
        if not found.is_open:
            return found
        time.sleep(LOOK_EVERY_S)


def _copy(made: Export, folder: Path) -> list[Path]:
    """Copy the files out of the storage, each whole or not at all. Raises CommandError."""
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in made.files:
            path = folder / file["name"]
            draft = make_draft_path(path)
            try:
                with get_storage().open(file["place"], "rb") as source, draft.open("xb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)
            paths.append(path)
    except OSError as error:
        raise CommandError(f"{folder}: {error.strerror}. The export itself is done: {made.pk}.") from error
    return paths
