"""The pages of imports, and of reviews from a file."""

from django.urls import URLPattern, path

from exports.web import imports, reviews

urlpatterns: list[URLPattern] = [
    path("imports/new/", imports.upload, name="import_new"),
    path("imports/sample/", imports.download_sample, name="import_sample"),
    path("imports/<uuid:file_id>/", imports.show_file, name="import_file"),
    path("reviews/new/", reviews.upload, name="reviews_new"),
    path("reviews/sheet/", reviews.download_sheet, name="reviews_sheet"),
    path("reviews/<uuid:file_id>/", reviews.show_file, name="reviews_file"),
]
