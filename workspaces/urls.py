"""The pages of this app."""

from django.urls import URLPattern, path

from workspaces import settings_views, views

urlpatterns: list[URLPattern] = [
    path("sign-in/", views.sign_in, name="sign_in"),
    path("sign-in/<str:token>/", views.sign_in_with_link, name="sign_in_link"),
    path("sign-out/", views.sign_out, name="sign_out"),
    path("settings/", settings_views.redirect_to_settings, name="settings"),
    path("settings/terms/", settings_views.edit_terms, name="settings_terms"),
    path("theme/", views.set_theme, name="theme"),
]
