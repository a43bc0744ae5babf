"""Pages of this room."""

from django.urls import URLPattern, path

from batches.web.jobs import control_views, generate_all, judge, quality_views, yields
from batches.web.jobs import views as jobs
from batches.web.plans import size, trial, wizard
from batches.web.plans import views as plans
from batches.web.settings import budget, estimates, notices
from batches.web.single import judge_many, regenerate, regenerate_many
from batches.web.single import views as single

urlpatterns: list[URLPattern] = [
    path("", generate_all.generate_all, name="generate_all"),
    path("plan/<int:position>/", generate_all.show_plan_prompt, name="plan_prompt"),
    path("generate/", single.generate_one, name="generate_one"),
    path("generate/preview/", single.preview_prompt, name="generate_preview"),
    path("conversations/judge/", judge_many.ask_judge, name="judge_many"),
    path("conversations/regenerate/", regenerate_many.regenerate_many, name="regenerate_many"),
    path(
        "conversations/<uuid:conversation_id>/regenerate/",
        regenerate.regenerate_conversation,
        name="regenerate",
    ),
    path(
        "conversations/<uuid:conversation_id>/regenerate/preview/",
        regenerate.preview_regeneration,
        name="regenerate_preview",
    ),
    path("items/<uuid:item_id>/", single.show_item, name="item"),
    path("items/<uuid:item_id>/retry/", single.retry_item, name="item_retry"),
    path("items/<uuid:item_id>/use/", single.use_stored_reply, name="item_use"),
    path("batches/<uuid:job_id>/change/", control_views.change_batch, name="batch_change"),
    path("batches/<uuid:job_id>/retry/", control_views.retry_batch, name="batch_retry"),
    path("batches/<uuid:job_id>/judge/", judge.choose_judge_of_batch, name="batch_judge"),
    path("batches/<uuid:job_id>/duplicate/", control_views.duplicate_batch, name="batch_duplicate"),
    path("batches/", jobs.list_batches, name="batches"),
    path("batches/new/", wizard.list_kinds, name="batch_new"),
    path("batches/new/csv/sample.csv", wizard.download_plan_sample, name="plan_sample"),
    path("batches/new/<slug:kind>/size/", size.show_size, name="batch_new_size"),
    path("batches/new/<slug:kind>/", wizard.create_plan, name="batch_new_kind"),
    path("batches/<uuid:job_id>/configure/", wizard.configure_plan, name="batch_configure"),
    path("batches/<uuid:job_id>/plan/", plans.show_plan, name="plan"),
    path("batches/<uuid:job_id>/plan/change/", plans.change_plan, name="plan_change"),
    path("batches/<uuid:job_id>/plan/start/", plans.start_plan, name="plan_start"),
    path("batches/<uuid:job_id>/plan/<uuid:item_id>/", plans.edit_item, name="plan_item"),
    path(
        "batches/<uuid:job_id>/plan/<uuid:item_id>/prompt/", plans.show_item_prompt, name="plan_item_prompt"
    ),
    path("batches/<uuid:job_id>/discard/", plans.discard_plan, name="batch_discard"),
    path("batches/<uuid:job_id>/", jobs.show_batch, name="batch"),
    path("batches/<uuid:job_id>/progress/", jobs.poll_batch, name="batch_progress"),
    path("batches/<uuid:job_id>/quality/", quality_views.show_quality, name="batch_quality"),
    path("batches/<uuid:job_id>/read/", jobs.read_batch, name="batch_read"),
    path("batches/<uuid:job_id>/pause/", jobs.pause_batch, name="batch_pause"),
    path("batches/<uuid:job_id>/resume/", jobs.resume_batch, name="batch_resume"),
    path("batches/<uuid:job_id>/cancel/", jobs.cancel_batch, name="batch_cancel"),
    path("batches/estimates/", estimates.show_estimates, name="batch_estimates"),
    path("yield/", yields.show_yield, name="yield"),
    path("batches/notices/", notices.list_notices, name="notices"),
    path("batches/notices/seen/", notices.mark_notices_seen, name="notices_seen"),
    path("settings/notices/", notices.edit_webhook, name="settings_notices"),
    path("settings/budget/", budget.edit_month_budget, name="settings_budget"),
    path("templates/<uuid:template_id>/v/<int:number>/test/", trial.try_template, name="template_test"),
]
