"""The actions of exports that take `by=`, for `audited_actions.py`."""

from typing import Any
from unittest.mock import patch

from django.utils import timezone

from exports.importing import running as importing
from exports.importing.choices import Choices as ImportChoices
from exports.models import Export
from exports.models.import_files import FileKind
from exports.pushing import actions as pushing
from exports.reviewing import applying
from exports.running import actions as exporting
from tests import factories
from tests.guards.audited_case import PLANTED, Act, Case, Stage
from workspaces.models import User
from workspaces.states import Action, TargetKind


def make_checked(stage: Stage, **fields: Any) -> Export:
    """One whose check has ended."""
    done = factories.make_background_job(by=stage.owner, kind="export", status="completed")
    about = {"frozen_at": timezone.now(), "checked_at": timezone.now(), "name": PLANTED[:7], **fields}
    return factories.make_export(by=stage.owner, job=done, **about)


def create_export(stage: Stage) -> Act:
    about: Any = {"name": "Mine", "purpose": PLANTED, "format": "messages", "filter": f"q={PLANTED}"}
    return lambda by: exporting.create_export(workspace=stage.home, by=by, **about)


def write_export(stage: Stage) -> Act:
    made = make_checked(stage)
    return lambda by: exporting.write_export(made, by=by)


def recreate_export(stage: Stage) -> Act:
    made = make_checked(stage, finished_at=timezone.now())
    return lambda by: exporting.recreate_export(made, by=by)


def cancel_export(stage: Stage) -> Act:
    waiting = factories.make_background_job(by=stage.owner, kind="export")
    made = factories.make_export(by=stage.owner, job=waiting)
    return lambda by: exporting.cancel_export(made, by=by)


def delete_export(stage: Stage) -> Act:
    made = make_checked(stage, finished_at=timezone.now())
    return lambda by: exporting.delete_export(made, by=by)


def push_export(stage: Stage) -> Act:
    made = make_checked(stage, format="folder", finished_at=timezone.now())
    pushing.enter_token(workspace=stage.home, token=PLANTED, by=None)

    def act(by: User | None) -> Export:
        with patch("exports.pushing.hub.is_available", return_value=True):
            return pushing.push_export(made, repository="me/data", public=False, by=by)

    return act


def enter_token(stage: Stage) -> Act:
    return lambda by: pushing.enter_token(workspace=stage.home, token=PLANTED, by=by)


def remove_token(stage: Stage) -> Act:
    pushing.enter_token(workspace=stage.home, token=PLANTED, by=None)
    return lambda by: pushing.remove_token(workspace=stage.home, by=by)


def start_import(stage: Stage) -> Act:
    waiting = factories.make_imported_file(by=stage.owner)
    return lambda by: importing.start_import(waiting, ImportChoices(), by=by)


def start_reviews(stage: Stage) -> Act:
    waiting = factories.make_imported_file(by=stage.owner, kind=FileKind.REVIEWS, report={"read": 1})
    return lambda by: applying.start_reviews(waiting, by=by)


EXPORTS = [
    Case("exports.reviewing.applying.start_reviews", start_reviews, Action.IMPORT, TargetKind.IMPORT_FILE),
    Case("exports.importing.running.start_import", start_import, Action.IMPORT, TargetKind.IMPORT_FILE),
    Case("exports.running.actions.create_export", create_export, Action.CREATE, TargetKind.EXPORT),
    Case("exports.running.actions.write_export", write_export, Action.START, TargetKind.EXPORT),
    Case("exports.running.actions.recreate_export", recreate_export, Action.RECREATE, TargetKind.EXPORT),
    Case("exports.running.actions.delete_export", delete_export, Action.REMOVE, TargetKind.EXPORT),
    Case("exports.pushing.actions.push_export", push_export, Action.PUSH, TargetKind.EXPORT),
    Case("exports.pushing.actions.enter_token", enter_token, Action.CREATE, TargetKind.HUB_TOKEN),
    Case("exports.pushing.actions.remove_token", remove_token, Action.REMOVE, TargetKind.HUB_TOKEN),
    Case("exports.running.actions.cancel_export", cancel_export, Action.CANCEL, TargetKind.BACKGROUND_JOB),
]
