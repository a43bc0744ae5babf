"""The downloads of this app."""

from django.urls import URLPattern, path

from exports.web import downloads

urlpatterns: list[URLPattern] = [
    path("batches/<uuid:job_id>/download/", downloads.download_batch, name="batch_download"),
    path("batches/<uuid:job_id>/manifest/", downloads.download_manifest, name="batch_manifest"),
    path("conversations/approved/download/", downloads.download_approved, name="approved_download"),
    path("conversations/approved/manifest/", downloads.download_approved_manifest, name="approved_manifest"),
    path(
        "conversations/<uuid:conversation_id>/download/",
        downloads.download_conversation,
        name="conversation_download",
    ),
]
