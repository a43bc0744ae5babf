"""WSGI entry point of the web process."""

import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lorapipe.settings")

application = get_wsgi_application()
# All pages, before Gunicorn makes its processes: they share what is loaded here, and no first request waits for it.
import_module(settings.ROOT_URLCONF)
