"""Where the admin page of a table is."""

from typing import Any

from django.db.models import Model
from django.urls import reverse


def page(model: type[Model], name: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)
