"""The schema of the API, and its page."""

from django.urls import re_path

from lorapipe.openapi import views

urlpatterns = [
    re_path(r"^api/schema/?\Z", views.show_schema, name="api_schema"),
    re_path(r"^api/docs/?\Z", views.show_docs, name="api_docs"),
]
