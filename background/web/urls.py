"""The pages of background jobs."""

from django.urls import URLPattern, path

from background.web import views

urlpatterns: list[URLPattern] = [
    path("background-jobs/", views.list_jobs, name="background_jobs"),
    path("background-jobs/<uuid:background_id>/", views.show_job, name="background_job"),
    path("background-jobs/<uuid:background_id>/cancel/", views.cancel, name="background_job_cancel"),
]
