"""Pages of this room."""

from django.urls import URLPattern, path

from conversations import views

urlpatterns: list[URLPattern] = [
    path("conversations/", views.conversations, name="conversations"),
    path("conversations/<uuid:conversation_id>/", views.conversation, name="conversation"),
]
