"""Pages of this room. The list and a template's own page belong to `conversations`, the test render to `batches`."""

from django.urls import URLPattern, path

from templates_app import editor, import_views, row_views, views
from templates_app.states import RowKind

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


def pages_of(base: str, kind: RowKind) -> list[URLPattern]:
    """The pages of one kind of rows; their names begin with the word for one: `edge_case_import`."""
    one, also = f"{base}/<uuid:row_id>", {"kind": kind}
    return [
        path(f"{base}/", row_views.listed, also, name=row_views.LISTS[kind]),
        path(f"{base}/new/", row_views.new, also, name=f"{kind}_new"),
        path(f"{base}/import/", import_views.upload, also, name=f"{kind}_import"),
        path(f"{base}/import/<uuid:import_id>/", import_views.looked_at, also, name=f"{kind}_import_file"),
        path(f"{base}/export.csv", import_views.export, {**also, "form": "csv"}, name=f"{kind}_export_csv"),
        path(
            f"{base}/export.json", import_views.export, {**also, "form": "json"}, name=f"{kind}_export_json"
        ),
        path(f"{one}/", row_views.edit, also, name=kind.value),
        path(f"{one}/archive/", row_views.archive, also, name=f"{kind}_archive"),
        path(f"{one}/restore/", row_views.restore, also, name=f"{kind}_restore"),
        path(f"{one}/duplicate/", row_views.duplicate, also, name=f"{kind}_duplicate"),
    ]


urlpatterns += [
    *pages_of("scenarios", RowKind.SCENARIO),
    *pages_of("edge-cases", RowKind.EDGE_CASE),
    *pages_of("options", RowKind.OPTION),
    path("options/<uuid:row_id>/move/", row_views.move, {"kind": RowKind.OPTION}, name="option_move"),
    path("packs/starter/", row_views.bring_in, name="starter_pack"),
]
