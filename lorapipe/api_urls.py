"""The API's routes, gathered: each room has its views in `api.py`. A trailing slash is optional."""

from typing import Any

from django.urls import URLPattern, re_path

from batches import api as batches
from batches import logs_api as logs
from conversations import api as conversations
from lorapipe.api_errors import unknown_path
from templates_app import api as templates

# A malformed id fits no route: it is answered like an unknown one.
ID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
JOB, CONVERSATION = f"(?P<job_id>{ID})", f"(?P<conversation_id>{ID})"
TEMPLATE = f"(?P<template_id>{ID})"


def route(path: str, view: Any, name: str) -> URLPattern:
    found: URLPattern = re_path(rf"^{path}/?\Z", view, name=name)
    return found


urlpatterns: list[URLPattern] = [
    route("conversations", conversations.conversations, "api_conversations"),
    route("conversations/generate-batch", batches.generate_batch, "api_generate_batch"),
    route("conversations/batch", batches.batches, "api_batches"),
    route("conversations/batch/estimate", batches.batch_estimate, "api_batch_estimate"),
    route(f"conversations/batch/{JOB}", batches.batch, "api_batch"),
    route(f"conversations/batch/{JOB}/duplicate", batches.batch_duplicate, "api_batch_duplicate"),
    route(f"conversations/batch/{JOB}/status", batches.batch_status, "api_batch_status"),
    route(f"conversations/{CONVERSATION}", conversations.conversation, "api_conversation"),
    route("logs", logs.logs, "api_logs"),
    route("logs/cost", logs.cost, "api_logs_cost"),
    route("templates", templates.templates, "api_templates"),
    route(f"templates/{TEMPLATE}", templates.template, "api_template"),
    route(f"templates/{TEMPLATE}/versions", templates.versions, "api_template_versions"),
    route(f"templates/{TEMPLATE}/resolve", templates.resolved, "api_template_resolve"),
    re_path("", unknown_path, name="api_unknown"),
]
