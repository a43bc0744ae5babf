"""The pages of exports, and the downloads of what is not reviewed yet."""

from django.urls import URLPattern, path

from exports.web import downloads, files, pushing, views

urlpatterns: list[URLPattern] = [
    path("exports/", views.list_exports, name="exports"),
    path("exports/new/", views.start_new, name="export_new"),
    path("exports/<uuid:export_id>/", views.show_export, name="export"),
    path("exports/<uuid:export_id>/write/", views.write, name="export_write"),
    path("exports/<uuid:export_id>/recreate/", views.write_again, name="export_recreate"),
    path("exports/<uuid:export_id>/cancel/", views.cancel, name="export_cancel"),
    path("exports/<uuid:export_id>/delete/", views.delete, name="export_delete"),
    path("exports/<uuid:export_id>/push/", pushing.push, name="export_push"),
    path("settings/hub/", pushing.edit_token, name="settings_hub"),
    path("exports/<uuid:export_id>/manifest/", files.download_manifest, name="export_manifest"),
    path("exports/<uuid:export_id>/files/<int:number>/", files.download_file, name="export_file"),
    path("batches/<uuid:job_id>/download/", downloads.download_batch, name="batch_download"),
    path("batches/<uuid:job_id>/manifest/", downloads.download_manifest, name="batch_manifest"),
    path(
        "conversations/<uuid:conversation_id>/download/",
        downloads.download_conversation,
        name="conversation_download",
    ),
]
