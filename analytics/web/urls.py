"""Pages of this room."""

from django.urls import URLPattern, path, re_path

from analytics.reports.registry import REPORTS
from analytics.web import views

urlpatterns: list[URLPattern] = [
    path("dashboard/", views.show_dashboard, name="dashboard"),
    path("analytics/", views.show_analytics, name="analytics"),
    re_path(
        rf"^analytics/(?P<name>{'|'.join(REPORTS)})\.csv\Z", views.download_report, name="analytics_file"
    ),
]
