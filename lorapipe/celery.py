"""The Celery app. What it may not use, and why: docs/execution.md decision 2, tests/guards/test_celery.py."""

import os

from celery import Celery

from lib.untrusted.broker import use_this_transport

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lorapipe.settings")
# Before its first task a worker would check all URLs, forms and the admin, none of which it has. `./run check` does that.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

use_this_transport()
app = Celery("lorapipe")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
