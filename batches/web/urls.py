"""Pages of this room."""

from django.urls import URLPattern, path

from batches.web.jobs import control_views
from batches.web.jobs import views as jobs
from batches.web.plans import trial, wizard
from batches.web.plans import views as plans
from batches.web.settings import budget, estimates, notices
from batches.web.single import views as single

urlpatterns: list[URLPattern] = [
    path("", jobs.generate_all, name="generate_all"),
    path("plan/<int:position>/", jobs.plan_prompt, name="plan_prompt"),
    path("generate/", single.generate_one, name="generate_one"),
    path("generate/preview/", single.preview, name="generate_preview"),
    path("items/<uuid:item_id>/", single.item, name="item"),
    path("items/<uuid:item_id>/retry/", single.item_retry, name="item_retry"),
    path("items/<uuid:item_id>/use/", single.item_use, name="item_use"),
    path("batches/<uuid:job_id>/change/", control_views.batch_change, name="batch_change"),
    path("batches/<uuid:job_id>/retry/", control_views.batch_retry, name="batch_retry"),
    path("batches/<uuid:job_id>/duplicate/", control_views.batch_duplicate, name="batch_duplicate"),
    path("batches/", jobs.batches, name="batches"),
    path("batches/new/", wizard.new, name="batch_new"),
    path("batches/new/<slug:kind>/", wizard.new_kind, name="batch_new_kind"),
    path("batches/<uuid:job_id>/configure/", wizard.configure, name="batch_configure"),
    path("batches/<uuid:job_id>/plan/", plans.plan, name="plan"),
    path("batches/<uuid:job_id>/plan/change/", plans.change, name="plan_change"),
    path("batches/<uuid:job_id>/plan/start/", plans.start, name="plan_start"),
    path("batches/<uuid:job_id>/plan/<uuid:item_id>/", plans.plan_item, name="plan_item"),
    path("batches/<uuid:job_id>/plan/<uuid:item_id>/prompt/", plans.item_prompt, name="plan_item_prompt"),
    path("batches/<uuid:job_id>/discard/", plans.discard, name="batch_discard"),
    path("batches/<uuid:job_id>/", jobs.batch, name="batch"),
    path("batches/<uuid:job_id>/progress/", jobs.batch_progress, name="batch_progress"),
    path("batches/<uuid:job_id>/pause/", jobs.batch_pause, name="batch_pause"),
    path("batches/<uuid:job_id>/resume/", jobs.batch_resume, name="batch_resume"),
    path("batches/<uuid:job_id>/cancel/", jobs.batch_cancel, name="batch_cancel"),
    path("batches/estimates/", estimates.estimates, name="batch_estimates"),
    path("batches/notices/", notices.notices, name="notices"),
    path("batches/notices/seen/", notices.notices_seen, name="notices_seen"),
    path("settings/notices/", notices.webhook, name="settings_notices"),
    path("settings/budget/", budget.budget, name="settings_budget"),
    path("templates/<uuid:template_id>/v/<int:number>/test/", trial.trial, name="template_test"),
]
