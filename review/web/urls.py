"""The pages of the review queue."""

from django.urls import URLPattern, path

from review.web import bulk, edits, judging, views

urlpatterns: list[URLPattern] = [
    path("conversations/bulk/", bulk.change_many, name="conversations_bulk"),
    path("review/", views.open_queue, name="review"),
    path("review/undo/", views.undo_last, name="review_undo"),
    path("review/<uuid:conversation_id>/", views.show_item, name="review_item"),
    path("review/<uuid:conversation_id>/decide/", views.decide, name="review_decide"),
    path("review/<uuid:conversation_id>/skip/", views.skip_item, name="review_skip"),
    path("review/<uuid:conversation_id>/lock/", views.hold_lock, name="review_lock"),
    path("review/<uuid:conversation_id>/assign/", views.assign_item, name="review_assign"),
    path("review/<uuid:conversation_id>/draft/", edits.keep_draft, name="review_draft"),
    path("review/<uuid:conversation_id>/edit/", edits.save_edit, name="review_edit"),
    path("review/<uuid:conversation_id>/judge/<uuid:score_id>/", judging.record_answer, name="review_answer"),
    path("review/<uuid:conversation_id>/comment/", edits.add_comment, name="review_comment"),
    path("review/comments/<uuid:comment_id>/resolve/", edits.resolve_comment, name="review_resolve"),
]
