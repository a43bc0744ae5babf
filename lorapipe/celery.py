"""The Celery app. What it may not use, and why: docs/execution.md decision 2, tests/guards/test_celery.py."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lorapipe.settings")

app = Celery("lorapipe")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
