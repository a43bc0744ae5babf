"""Pages of this room. The list and a template's own page belong to `conversations`, the test render to `batches`."""

from django.urls import URLPattern, path

from templates_app.states import RowKind
from templates_app.web import editor, imports, library, versions

ONE = "templates/<uuid:template_id>"

urlpatterns: list[URLPattern] = [
    path("templates/new/", editor.new, name="template_new"),
    path("templates/import/", versions.import_template, name="template_import"),
    path(f"{ONE}/edit/", editor.edit, name="template_edit"),
    path(f"{ONE}/publish/", versions.publish, name="template_publish"),
    path(f"{ONE}/discard/", versions.discard, name="template_discard"),
    path(f"{ONE}/archive/", versions.archive, name="template_archive"),
    path(f"{ONE}/restore/", versions.restore, name="template_restore"),
    path(f"{ONE}/diversity/", versions.diversity, name="template_diversity"),
    path(f"{ONE}/duplicate/", versions.duplicate, name="template_duplicate"),
    path(f"{ONE}/diff/<int:old>..<int:new>/", versions.diff, name="template_diff"),
    path(f"{ONE}/v/<int:number>/", versions.version, name="template_version"),
    path(f"{ONE}/v/<int:number>/export/", versions.export, name="template_export"),
    path(f"{ONE}/v/<int:number>/roll-back/", versions.roll_back, name="template_roll_back"),
]


def pages_of(base: str, kind: RowKind) -> list[URLPattern]:
    """The pages of one kind of rows; their names begin with the word for one: `edge_case_import`."""
    one, also = f"{base}/<uuid:row_id>", {"kind": kind}
    return [
        path(f"{base}/", library.listed, also, name=library.LISTS[kind]),
        path(f"{base}/new/", library.new, also, name=f"{kind}_new"),
        path(f"{base}/import/", imports.upload, also, name=f"{kind}_import"),
        path(f"{base}/import/<uuid:import_id>/", imports.looked_at, also, name=f"{kind}_import_file"),
        path(f"{base}/export.csv", imports.export, {**also, "form": "csv"}, name=f"{kind}_export_csv"),
        path(f"{base}/export.json", imports.export, {**also, "form": "json"}, name=f"{kind}_export_json"),
        path(f"{one}/", library.edit, also, name=kind.value),
        path(f"{one}/archive/", library.archive, also, name=f"{kind}_archive"),
        path(f"{one}/restore/", library.restore, also, name=f"{kind}_restore"),
        path(f"{one}/duplicate/", library.duplicate, also, name=f"{kind}_duplicate"),
    ]


urlpatterns += [
    *pages_of("scenarios", RowKind.SCENARIO),
    *pages_of("edge-cases", RowKind.EDGE_CASE),
    *pages_of("options", RowKind.OPTION),
    path("options/<uuid:row_id>/move/", library.move, {"kind": RowKind.OPTION}, name="option_move"),
    path("packs/starter/", library.bring_in, name="starter_pack"),
]
