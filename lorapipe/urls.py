"""Every URL of the product."""

from django.contrib import admin
from django.urls import include, path

from lorapipe import views
from lorapipe.operation import metrics

admin.autodiscover()

urlpatterns = [
    path("healthz", views.show_health, name="healthz"),
    path("readyz", views.show_readiness, name="readyz"),
    path("metrics", metrics.show_metrics, name="metrics"),
    path("shell/", views.show_shell, name="shell"),
    path("", include("lorapipe.styleguide.urls")),
    path("", include("lorapipe.openapi.urls")),
    path("api/", include("lorapipe.api_urls")),
    path("admin/", admin.site.urls),
    path("", include("workspaces.web.urls")),
    path("", include("lorapipe.deletion.urls")),
    path("", include("background.web.urls")),
    path("", include("provider.urls")),
    path("", include("templates_app.web.urls")),
    path("", include("conversations.web.urls")),
    path("", include("batches.web.urls")),
    path("", include("analytics.web.urls")),
    path("", include("review.web.urls")),
    path("", include("exports.web.urls")),
    path("", include("exports.web.import_urls")),
]

handler400 = views.show_bad_request
handler403 = views.show_forbidden
handler404 = views.show_not_found
handler500 = views.show_error
