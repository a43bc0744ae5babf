"""The pages of this app."""

from django.urls import URLPattern, path

from conversations.web import columns, rubric, saved_views, template_views, thresholds, version_views, views

urlpatterns: list[URLPattern] = [
    path("conversations/", views.list_conversations, name="conversations"),
    path("conversations/columns/", columns.choose_columns, name="conversations_columns"),
    path("conversations/views/", saved_views.list_or_save_views, name="conversations_views"),
    path(
        "conversations/views/<uuid:view_id>/delete/",
        saved_views.delete_view,
        name="conversations_view_delete",
    ),
    path("conversations/<uuid:conversation_id>/", views.show_conversation, name="conversation"),
    path("settings/judge/", rubric.edit_rubric, name="settings_judge"),
    path("settings/quality/", thresholds.edit_thresholds, name="settings_quality"),
    path("settings/quality/rescore/", thresholds.rescore, name="settings_quality_rescore"),
    path(
        "conversations/<uuid:conversation_id>/diff/<int:old>..<int:new>/",
        version_views.compare_versions,
        name="conversation_diff",
    ),
    path(
        "conversations/<uuid:conversation_id>/bring-back/",
        version_views.bring_back_version,
        name="conversation_bring_back",
    ),
    path("templates/", template_views.list_templates, name="templates"),
    path("templates/<uuid:template_id>/", template_views.show_template, name="template"),
]
