"""Pages of this room. The list and a template's own page belong to `conversations`, the test render to `batches`."""

from django.urls import URLPattern, path

from templates_app import editor, views

ONE = "templates/<uuid:template_id>"

urlpatterns: list[URLPattern] = [
    path("templates/new/", editor.new, name="template_new"),
    path("templates/import/", views.import_template, name="template_import"),
    path(f"{ONE}/edit/", editor.edit, name="template_edit"),
    path(f"{ONE}/publish/", views.publish, name="template_publish"),
    path(f"{ONE}/discard/", views.discard, name="template_discard"),
    path(f"{ONE}/archive/", views.archive, name="template_archive"),
    path(f"{ONE}/restore/", views.restore, name="template_restore"),
    path(f"{ONE}/diversity/", views.diversity, name="template_diversity"),
    path(f"{ONE}/duplicate/", views.duplicate, name="template_duplicate"),
    path(f"{ONE}/diff/<int:old>..<int:new>/", views.diff, name="template_diff"),
    path(f"{ONE}/v/<int:number>/", views.version, name="template_version"),
    path(f"{ONE}/v/<int:number>/export/", views.export, name="template_export"),
    path(f"{ONE}/v/<int:number>/roll-back/", views.roll_back, name="template_roll_back"),
]
