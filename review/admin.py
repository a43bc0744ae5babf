"""The admin pages of what reviewers leave behind, to read only: decisions and edits belong to the conversation."""

from django.contrib import admin
from django.utils.text import Truncator

from review.models import Answer, Assignment, Comment, Draft, Lock, Skip
from workspaces.admin_base import ReadOnlyAdmin


@admin.register(Lock)
class LockAdmin(ReadOnlyAdmin):
    list_display = ("conversation", "user", "expires_at")
    list_select_related = ("conversation", "user")
    detail_select_related = ("conversation", "user", "workspace", "created_by")
    ordering = ("-expires_at",)


@admin.register(Assignment)
class AssignmentAdmin(ReadOnlyAdmin):
    list_display = ("root", "assignee", "created_by", "created_at")
    list_select_related = ("root", "assignee", "created_by")
    detail_select_related = ("root", "assignee", "workspace", "created_by")
    ordering = ("-created_at",)


@admin.register(Skip)
class SkipAdmin(ReadOnlyAdmin):
    list_display = ("conversation", "user", "created_at")
    list_select_related = ("conversation", "user")
    detail_select_related = ("conversation", "user", "workspace", "created_by")
    ordering = ("-created_at",)


@admin.register(Draft)
class DraftAdmin(ReadOnlyAdmin):
    list_display = ("conversation", "user", "turn_number", "updated_at")
    list_select_related = ("conversation", "user")
    list_defer = ("text",)
    detail_select_related = ("conversation", "user", "workspace", "created_by")
    ordering = ("-updated_at",)


@admin.register(Comment)
class CommentAdmin(ReadOnlyAdmin):
    list_display = ("conversation", "turn_number", "beginning", "created_by", "created_at", "resolved_at")
    list_select_related = ("conversation", "created_by")
    detail_select_related = ("conversation", "root", "workspace", "created_by")
    ordering = ("-created_at",)

    @admin.display(description="Comment")
    def beginning(self, comment: Comment) -> str:
        return Truncator(comment.text).chars(100)


@admin.register(Answer)
class AnswerAdmin(ReadOnlyAdmin):
    list_display = ("score", "user", "value", "created_at")
    list_select_related = ("score", "user")
    detail_select_related = ("score", "user", "workspace", "created_by")
    ordering = ("-created_at",)
