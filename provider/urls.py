"""Pages of this room."""

from django.urls import URLPattern, path

from provider import views

urlpatterns: list[URLPattern] = [
    path("settings/models/", views.models, name="settings_models"),
    path("settings/provider/", views.account, name="settings_provider"),
]
