"""The pages of this app."""

from django.urls import URLPattern, path

from workspaces.web import audit_log, keyboard, members, own_workspaces, passwords, sign_in, terms, tokens

urlpatterns: list[URLPattern] = [
    path("sign-in/", sign_in.sign_in, name="sign_in"),
    path("sign-in/<str:token>/", sign_in.sign_in_with_link, name="sign_in_link"),
    path("sign-out/", sign_in.sign_out, name="sign_out"),
    path("settings/", terms.redirect_to_settings, name="settings"),
    path("settings/terms/", terms.edit_terms, name="settings_terms"),
    path("settings/audit/", audit_log.list_entries, name="settings_audit"),
    path("settings/audit/download/", audit_log.download_entries, name="settings_audit_download"),
    path("settings/workspaces/", own_workspaces.list_or_create_workspaces, name="settings_workspaces"),
    path("settings/workspaces/<uuid:workspace_id>/", own_workspaces.rename, name="settings_workspace_rename"),
    path(
        "settings/workspaces/<uuid:workspace_id>/choose/",
        own_workspaces.choose,
        name="settings_workspace_choose",
    ),
    path("settings/members/", members.list_or_add_members, name="settings_members"),
    path("settings/members/<uuid:member_id>/", members.change_member, name="settings_member"),
    path("settings/tokens/", tokens.list_or_create_tokens, name="settings_tokens"),
    path("settings/tokens/<uuid:token_id>/revoke/", tokens.revoke_own_token, name="settings_token_revoke"),
    path("settings/password/", passwords.change_password, name="settings_password"),
    path("settings/keyboard/", keyboard.choose_keys, name="settings_keyboard"),
    path("theme/", sign_in.set_theme, name="theme"),
]
