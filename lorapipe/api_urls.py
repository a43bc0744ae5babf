"""All routes of the API. The views are in the `api` folders of the apps. A trailing slash is optional."""

from typing import Any

from django.urls import URLPattern, re_path

from analytics.api.reports import show_report
from analytics.reports.registry import REPORTS
from background.api import jobs as background_jobs
from batches.api import analytics, batches, judging, logs, regenerate, single
from conversations.api import bulk, conversations, judgements, queue, rescore, versions
from exports.api import exports, imports
from lorapipe.api_errors import refuse_unknown_path
from templates_app.api import library, templates
from templates_app.states import EntryKind
from workspaces.api import audit

# A malformed id matches no route, so it is answered like an unknown path.
ID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
JOB, CONVERSATION = f"(?P<job_id>{ID})", f"(?P<conversation_id>{ID})"
TEMPLATE, ENTRY = f"(?P<template_id>{ID})", f"(?P<entry_id>{ID})"
EXPORT = f"(?P<export_id>{ID})"
ITEM, BACKGROUND = f"(?P<item_id>{ID})", f"(?P<background_id>{ID})"
FILE = f"(?P<file_id>{ID})"


def route(path: str, view: Any, name: str, **also: Any) -> URLPattern:
    found: URLPattern = re_path(rf"^{path}/?\Z", view, also, name=name)
    return found


urlpatterns: list[URLPattern] = [
    route("conversations", conversations.list_conversations, "api_conversations"),
    route("background-jobs", background_jobs.list_jobs, "api_background_jobs"),
    route(f"background-jobs/{BACKGROUND}", background_jobs.show_job, "api_background_job"),
    route(f"background-jobs/{BACKGROUND}/cancel", background_jobs.cancel, "api_background_job_cancel"),
    route("conversations/rescore", rescore.rescore_conversations, "api_rescore"),
    route("conversations/bulk", bulk.decide_about_many, "api_bulk"),
    route("conversations/generate", single.generate_conversation, "api_generate"),
    route("conversations/generate-batch", batches.generate_batch, "api_generate_batch"),
    route("conversations/batch", batches.list_batches, "api_batches"),
    route("conversations/batch/estimate", batches.estimate_batch, "api_batch_estimate"),
    route(f"conversations/batch/{JOB}", batches.show_or_change_batch, "api_batch"),
    route(f"conversations/batch/{JOB}/duplicate", batches.duplicate_batch, "api_batch_duplicate"),
    route(f"conversations/batch/{JOB}/status", batches.show_status, "api_batch_status"),
    route("conversations/judge", judging.start_judging_many, "api_judge"),
    route("conversations/judge/estimate", judging.estimate_judging_many, "api_judge_estimate"),
    route(f"conversations/{CONVERSATION}", conversations.show_or_change_conversation, "api_conversation"),
    route(f"conversations/{CONVERSATION}/regenerate", regenerate.regenerate_conversation, "api_regenerate"),
    route(f"conversations/{CONVERSATION}/judgements", judgements.list_judgements, "api_judgements"),
    route("rubric", judgements.show_or_change_rubric, "api_rubric"),
    route(f"conversations/{CONVERSATION}/versions", versions.list_versions, "api_versions"),
    route(f"conversations/{CONVERSATION}/logs", logs.list_conversation_logs, "api_conversation_logs"),
    route(f"items/{ITEM}", single.show_item, "api_item"),
    route(f"items/{ITEM}/retry", single.retry_item, "api_item_retry"),
    route(f"items/{ITEM}/use", single.use_stored_reply, "api_item_use"),
    route("imports", imports.import_conversations, "api_imports"),
    route(f"imports/{FILE}", imports.show_import, "api_import"),
    route("review/queue", queue.list_queue, "api_queue"),
    route("logs", logs.list_logs, "api_logs"),
    route("logs/cost", logs.sum_cost, "api_logs_cost"),
    route("analytics/yield", analytics.show_yield, "api_yield"),
    *(route(f"analytics/{name}", show_report, f"api_analytics_{name}", report=name) for name in REPORTS),
    route("audit", audit.list_entries, "api_audit"),
    route("templates", templates.list_or_create_templates, "api_templates"),
    route(f"templates/{TEMPLATE}", templates.show_or_change_template, "api_template"),
    route(f"templates/{TEMPLATE}/versions", templates.list_or_create_versions, "api_template_versions"),
    route(f"templates/{TEMPLATE}/resolve", templates.resolve_template, "api_template_resolve"),
    route("scenarios", library.list_or_create_entries, "api_scenarios", kind=EntryKind.SCENARIO),
    route(f"scenarios/{ENTRY}", library.show_or_change_entry, "api_scenario", kind=EntryKind.SCENARIO),
    route("edge-cases", library.list_or_create_entries, "api_edge_cases", kind=EntryKind.EDGE_CASE),
    route(f"edge-cases/{ENTRY}", library.show_or_change_entry, "api_edge_case", kind=EntryKind.EDGE_CASE),
    route("options", library.list_or_create_entries, "api_options", kind=EntryKind.OPTION),
    route(f"options/{ENTRY}", library.show_or_change_entry, "api_option", kind=EntryKind.OPTION),
    route("exports", exports.list_or_create_exports, "api_exports"),
    route(f"exports/{EXPORT}", exports.show_or_delete_export, "api_export"),
    route(f"exports/{EXPORT}/preflight", exports.show_preflight, "api_export_preflight"),
    route(f"exports/{EXPORT}/download", exports.download, "api_export_download"),
    route(f"exports/{EXPORT}/write", exports.write, "api_export_write"),
    route(f"exports/{EXPORT}/recreate", exports.write_again, "api_export_recreate"),
    route(f"exports/{EXPORT}/push", exports.push, "api_export_push"),
    route(f"exports/{EXPORT}/cancel", exports.cancel, "api_export_cancel"),
    re_path("", refuse_unknown_path, name="api_unknown"),
]
