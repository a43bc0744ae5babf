"""The test render of a template version: the exact request for some values, its tokens and what it would cost."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from batches.planning.estimate.estimate import CANNOT_PRICE
from batches.planning.estimate.history import TIER_OUTPUT_TOKENS
from batches.web.fields import normalize_line_ends
from claude import current_models
from claude.messages import Request, Usage
from claude.translation import payload
from conversations.generation import build_request, compute_worst_case, input_tokens
from lib import clock
from lib.htmx import is_target
from provider import table
from templates_app.models import TemplateVersion
from templates_app.prompts.access import find_visible_template, get_version_or_404, may_edit
from templates_app.text.rendering import TemplateSyntax, ValuesError, Variable, VariableError


@dataclass(frozen=True, kw_only=True)
class CallPrice:
    """The price of one call in USD. `expected` assumes that the reply has the usual length of its tier."""

    input_tokens: int
    output_tokens: int
    expected: Decimal
    worst: Decimal


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def try_template(request: HttpRequest, template_id: UUID, number: int) -> HttpResponse:
    """Show what would be sent to Claude for some values; nothing is sent. Values are posted because they may be long."""
    template = find_visible_template(request.user, template_id)
    version = get_version_or_404(template, number)
    posted = request.method == "POST"
    values = read_values(request.POST) if posted else {}
    context = {
        "template": template,
        "version": version,
        "can_edit": may_edit(request.user, template),
        "in_use": None if template.archived_at else template.published_version(),
        "posted": posted,
        **try_values(version, values),
    }
    part = "#tried" if is_target(request, "tried") else ""
    return render(request, f"batches/trial.html{part}", context)


def read_values(data: QueryDict) -> dict[str, str]:
    """What the form gives for each variable."""
    given = {name.removeprefix("value-"): text for name, text in data.items() if name.startswith("value-")}
    return {name: normalize_line_ends(str(text)) for name, text in given.items()}


def try_values(version: TemplateVersion, values: Mapping[str, str]) -> dict[str, Any]:
    """The rows of the form, and either the request with its price or everything that is wrong."""
    try:
        variables = version.typed_variables()
    except VariableError as wrong:
        return {"rows": [], "problems": [str(problem) for problem in wrong.problems]}
    found: dict[str, Any] = {"problems": [], "wrong": {}}
    known = {variable.name: values.get(variable.name, "") for variable in variables}
    try:
        asked = build_request(
            version=version,
            values=known,
            model=settings.ENVIRONMENT.anthropic_model,
            max_tokens=settings.ENVIRONMENT.anthropic_max_tokens,
        )
    except ValuesError as wrong:
        found["wrong"] = {problem.name: problem.message for problem in wrong.problems}
        found["problems"] = [str(problem) for problem in wrong.problems]
    except TemplateSyntax as wrong:
        found["problems"] = [str(wrong)]
    else:
        found |= preview_request(asked, tier=version.template.tier)
    return {**found, "rows": [build_row(variable, known, found["wrong"]) for variable in variables]}


def build_row(variable: Variable, values: Mapping[str, str], wrong: Mapping[str, str]) -> dict[str, Any]:
    default = variable.default
    return {
        "variable": variable,
        "value": values[variable.name],
        "problem": wrong.get(variable.name, ""),
        "default": "\n".join(map(str, default)) if isinstance(default, list | tuple) else default,
    }


def preview_request(asked: Request, *, tier: str) -> dict[str, Any]:
    body = json.dumps(payload(asked), indent=2, ensure_ascii=False)
    try:
        return {"asked": asked, "body": body, "price": price_call(asked, tier=tier)}
    except CANNOT_PRICE as wrong:
        return {"asked": asked, "body": body, "cannot_price": str(wrong)}


def price_call(asked: Request, *, tier: str) -> CallPrice:
    table.refresh()
    on = clock.today()
    current_models.find_card(asked.model, on)  # Refuses a retired model, which still has a price.
    output = TIER_OUTPUT_TOKENS[tier]
    usage = Usage(input_tokens=input_tokens(asked), output_tokens=output)
    return CallPrice(
        input_tokens=usage.input_tokens,
        output_tokens=output,
        expected=current_models.compute_cost(usage, model=asked.model, on=on),
        worst=compute_worst_case(asked, on=on),
    )
