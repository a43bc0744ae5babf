"""Pages of this room."""

from django.urls import URLPattern, path

from batches.web.jobs import control_views, views
from batches.web.plans import trial, views, wizard
from batches.web.settings import budget, estimates, notices
from batches.web.single import views

urlpatterns: list[URLPattern] = [
    path("", views.generate_all, name="generate_all"),
    path("plan/<int:position>/", views.plan_prompt, name="plan_prompt"),
    path("generate/", views.generate_one, name="generate_one"),
    path("generate/preview/", views.preview, name="generate_preview"),
    path("items/<uuid:item_id>/", views.item, name="item"),
    path("items/<uuid:item_id>/retry/", views.item_retry, name="item_retry"),
    path("items/<uuid:item_id>/use/", views.item_use, name="item_use"),
    path("batches/<uuid:job_id>/change/", control_views.batch_change, name="batch_change"),
    path("batches/<uuid:job_id>/retry/", control_views.batch_retry, name="batch_retry"),
    path("batches/<uuid:job_id>/duplicate/", control_views.batch_duplicate, name="batch_duplicate"),
    path("batches/", views.batches, name="batches"),
    path("batches/new/", wizard.new, name="batch_new"),
    path("batches/new/<slug:kind>/", wizard.new_kind, name="batch_new_kind"),
    path("batches/<uuid:job_id>/configure/", wizard.configure, name="batch_configure"),
    path("batches/<uuid:job_id>/plan/", views.plan, name="plan"),
    path("batches/<uuid:job_id>/plan/change/", views.change, name="plan_change"),
    path("batches/<uuid:job_id>/plan/start/", views.start, name="plan_start"),
    path("batches/<uuid:job_id>/plan/<uuid:item_id>/", views.plan_item, name="plan_item"),
    path("batches/<uuid:job_id>/plan/<uuid:item_id>/prompt/", views.item_prompt, name="plan_item_prompt"),
    path("batches/<uuid:job_id>/discard/", views.discard, name="batch_discard"),
    path("batches/<uuid:job_id>/", views.batch, name="batch"),
    path("batches/<uuid:job_id>/progress/", views.batch_progress, name="batch_progress"),
    path("batches/<uuid:job_id>/pause/", views.batch_pause, name="batch_pause"),
    path("batches/<uuid:job_id>/resume/", views.batch_resume, name="batch_resume"),
    path("batches/<uuid:job_id>/cancel/", views.batch_cancel, name="batch_cancel"),
    path("batches/estimates/", estimates.estimates, name="batch_estimates"),
    path("batches/notices/", notices.notices, name="notices"),
    path("batches/notices/seen/", notices.notices_seen, name="notices_seen"),
    path("settings/notices/", notices.webhook, name="settings_notices"),
    path("settings/budget/", budget.budget, name="settings_budget"),
    path("templates/<uuid:template_id>/v/<int:number>/test/", trial.trial, name="template_test"),
]
