"""The pages of this app."""

from django.urls import URLPattern, path

from provider import views

urlpatterns: list[URLPattern] = [
    path("settings/models/", views.list_models, name="settings_models"),
    path("settings/provider/", views.show_provider, name="settings_provider"),
    path("settings/provider/own-key/", views.change_own_key, name="settings_provider_own_key"),
    path("settings/provider/key/", views.change_key, name="settings_provider_key"),
]
