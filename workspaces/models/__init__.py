"""The tables of this room: people and workspaces, keys, the audit log."""

from workspaces.models.audit import AuditEntry, AuditEntryQuerySet
from workspaces.models.base import ClockTimestamp, TimestampedModel
from workspaces.models.keys import ApiToken, SignInLink, hash_secret
from workspaces.models.people import (
    OWN_KEY,
    Membership,
    OwnedModel,
    User,
    UseStatement,
    Workspace,
    WorkspaceQuerySet,
    list_places,
)
from workspaces.models.requests import LONGEST_KEY, KeyedRequest, KeyUsed, RequestKey

__all__ = [
    "LONGEST_KEY",
    "OWN_KEY",
    "ApiToken",
    "AuditEntry",
    "AuditEntryQuerySet",
    "ClockTimestamp",
    "KeyUsed",
    "KeyedRequest",
    "Membership",
    "OwnedModel",
    "RequestKey",
    "SignInLink",
    "TimestampedModel",
    "UseStatement",
    "User",
    "Workspace",
    "WorkspaceQuerySet",
    "hash_secret",
    "list_places",
]
