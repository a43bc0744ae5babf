"""The downloads of this app."""

from django.urls import URLPattern, path

from exports import views

urlpatterns: list[URLPattern] = [
    path("batches/<uuid:job_id>/download/", views.download_batch, name="batch_download"),
    path("batches/<uuid:job_id>/manifest/", views.download_manifest, name="batch_manifest"),
    path("conversations/approved/download/", views.download_approved, name="approved_download"),
    path("conversations/approved/manifest/", views.download_approved_manifest, name="approved_manifest"),
    path(
        "conversations/<uuid:conversation_id>/download/",
        views.download_conversation,
        name="conversation_download",
    ),
]
