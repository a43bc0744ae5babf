"""The pages of this app."""

from django.urls import URLPattern, path

from workspaces.web import audit_log, sign_in, terms

urlpatterns: list[URLPattern] = [
    path("sign-in/", sign_in.sign_in, name="sign_in"),
    path("sign-in/<str:token>/", sign_in.sign_in_with_link, name="sign_in_link"),
    path("sign-out/", sign_in.sign_out, name="sign_out"),
    path("settings/", terms.redirect_to_settings, name="settings"),
    path("settings/terms/", terms.edit_terms, name="settings_terms"),
    path("settings/audit/", audit_log.list_entries, name="settings_audit"),
    path("settings/audit/download/", audit_log.download_entries, name="settings_audit_download"),
    path("theme/", sign_in.set_theme, name="theme"),
]
