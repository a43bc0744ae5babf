"""Downloads of this room."""

from django.urls import URLPattern, path

from exports import views

urlpatterns: list[URLPattern] = [
    path("batches/<uuid:job_id>/download/", views.batch_download, name="batch_download"),
    path("batches/<uuid:job_id>/manifest/", views.batch_manifest, name="batch_manifest"),
    path(
        "conversations/<uuid:conversation_id>/download/",
        views.conversation_download,
        name="conversation_download",
    ),
]
