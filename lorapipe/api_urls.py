"""The API's routes, gathered: each room has its views in `api.py`. A trailing slash is optional."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
