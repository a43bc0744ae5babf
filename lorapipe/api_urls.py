"""The API's routes, gathered: each room has its views in `api.py`. A trailing slash is optional."""

from typing import Any

from django.urls import URLPattern, re_path

from batches.api import batches, logs, single
from conversations.api import conversations
from lorapipe.api_errors import unknown_path
from templates_app.api import library as rows
from templates_app.api import templates
from templates_app.states import RowKind

# A malformed id fits no route: it is answered like an unknown one.
ID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
JOB, CONVERSATION = f"(?P<job_id>{ID})", f"(?P<conversation_id>{ID})"
TEMPLATE, ROW = f"(?P<template_id>{ID})", f"(?P<row_id>{ID})"
ITEM = f"(?P<item_id>{ID})"


def route(path: str, view: Any, name: str, **also: Any) -> URLPattern:
    found: URLPattern = re_path(rf"^{path}/?\Z", view, also, name=name)
    return found


urlpatterns: list[URLPattern] = [
    route("conversations", conversations.conversations, "api_conversations"),
    route("conversations/generate", single.generate_conversation, "api_generate"),
    route("conversations/generate-batch", batches.generate_batch, "api_generate_batch"),
    route("conversations/batch", batches.list_batches, "api_batches"),
    route("conversations/batch/estimate", batches.estimate_batch, "api_batch_estimate"),
    route(f"conversations/batch/{JOB}", batches.show_or_change_batch, "api_batch"),
    route(f"conversations/batch/{JOB}/duplicate", batches.duplicate_batch, "api_batch_duplicate"),
    route(f"conversations/batch/{JOB}/status", batches.show_status, "api_batch_status"),
    route(f"conversations/{CONVERSATION}", conversations.conversation, "api_conversation"),
    route(f"items/{ITEM}", single.show_item, "api_item"),
    route(f"items/{ITEM}/retry", single.retry_item, "api_item_retry"),
    route(f"items/{ITEM}/use", single.use_stored_reply, "api_item_use"),
    route("logs", logs.list_logs, "api_logs"),
    route("logs/cost", logs.sum_cost, "api_logs_cost"),
    route("templates", templates.templates, "api_templates"),
    route(f"templates/{TEMPLATE}", templates.template, "api_template"),
    route(f"templates/{TEMPLATE}/versions", templates.versions, "api_template_versions"),
    route(f"templates/{TEMPLATE}/resolve", templates.resolved, "api_template_resolve"),
    route("scenarios", rows.rows, "api_scenarios", kind=RowKind.SCENARIO),
    route(f"scenarios/{ROW}", rows.row, "api_scenario", kind=RowKind.SCENARIO),
    route("edge-cases", rows.rows, "api_edge_cases", kind=RowKind.EDGE_CASE),
    route(f"edge-cases/{ROW}", rows.row, "api_edge_case", kind=RowKind.EDGE_CASE),
    route("options", rows.rows, "api_options", kind=RowKind.OPTION),
    route(f"options/{ROW}", rows.row, "api_option", kind=RowKind.OPTION),
    re_path("", unknown_path, name="api_unknown"),
]
