"""Pages of this room."""

from django.urls import URLPattern, path

from conversations.web import template_views, views

urlpatterns: list[URLPattern] = [
    path("conversations/", views.conversations, name="conversations"),
    path("conversations/<uuid:conversation_id>/", views.conversation, name="conversation"),
    path("templates/", template_views.templates, name="templates"),
    path("templates/<uuid:template_id>/", template_views.template, name="template"),
]
