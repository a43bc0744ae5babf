"""The pages of this app. `conversations` has the list and the page of a template, `batches` has the test render."""

from django.urls import URLPattern, path

from templates_app.states import EntryKind
from templates_app.web import editor, imports, library, versions

ONE = "templates/<uuid:template_id>"

urlpatterns: list[URLPattern] = [
    path("templates/new/", editor.create_template, name="template_new"),
    path("templates/import/", versions.import_template, name="template_import"),
    path(f"{ONE}/edit/", editor.edit_template, name="template_edit"),
    path(f"{ONE}/publish/", versions.publish_template, name="template_publish"),
    path(f"{ONE}/discard/", versions.discard_draft, name="template_discard"),
    path(f"{ONE}/archive/", versions.archive_template, name="template_archive"),
    path(f"{ONE}/restore/", versions.restore_template, name="template_restore"),
    path(f"{ONE}/diversity/", versions.set_diversity, name="template_diversity"),
    path(f"{ONE}/duplicate/", versions.duplicate_template, name="template_duplicate"),
    path(f"{ONE}/diff/<int:old>..<int:new>/", versions.compare_versions, name="template_diff"),
    path(f"{ONE}/v/<int:number>/", versions.show_version, name="template_version"),
    path(f"{ONE}/v/<int:number>/export/", versions.export_version, name="template_export"),
    path(f"{ONE}/v/<int:number>/roll-back/", versions.roll_back_template, name="template_roll_back"),
]


def build_pages(base: str, kind: EntryKind) -> list[URLPattern]:
    """The pages of one kind of entries. Their URL names begin with the kind, for example `edge_case_import`."""
    one, also = f"{base}/<uuid:entry_id>", {"kind": kind}
    return [
        path(f"{base}/", library.list_entries, also, name=library.LISTS[kind]),
        path(f"{base}/new/", library.create_entry, also, name=f"{kind}_new"),
        path(f"{base}/import/", imports.upload_file, also, name=f"{kind}_import"),
        path(f"{base}/import/sample.csv", imports.download_sample, also, name=f"{kind}_import_sample"),
        path(f"{base}/import/<uuid:import_id>/", imports.review_file, also, name=f"{kind}_import_file"),
        path(
            f"{base}/export.csv", imports.export_entries, {**also, "form": "csv"}, name=f"{kind}_export_csv"
        ),
        path(
            f"{base}/export.json",
            imports.export_entries,
            {**also, "form": "json"},
            name=f"{kind}_export_json",
        ),
        path(f"{one}/", library.edit_entry, also, name=kind.value),
        path(f"{one}/archive/", library.archive_entry, also, name=f"{kind}_archive"),
        path(f"{one}/restore/", library.restore_entry, also, name=f"{kind}_restore"),
        path(f"{one}/duplicate/", library.duplicate_entry, also, name=f"{kind}_duplicate"),
    ]


urlpatterns += [
    *build_pages("scenarios", EntryKind.SCENARIO),
    *build_pages("edge-cases", EntryKind.EDGE_CASE),
    *build_pages("options", EntryKind.OPTION),
    path(
        "options/<uuid:entry_id>/move/", library.move_option, {"kind": EntryKind.OPTION}, name="option_move"
    ),
    path("packs/starter/", library.install_starter_pack, name="starter_pack"),
]
