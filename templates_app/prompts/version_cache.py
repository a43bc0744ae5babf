"""A cache of published versions. A database trigger keeps them from changing, and every call to Claude needs one."""

from functools import lru_cache
from uuid import UUID

from templates_app.models import TemplateVersion


def load_version(version_id: UUID) -> TemplateVersion:
    """The version, from the cache if it is published. The object is shared, so it must not be changed.

    Raises TemplateVersion.DoesNotExist.
    """
    try:
        return _load_published(version_id)
    except TemplateVersion.DoesNotExist:
        return TemplateVersion.objects.get(pk=version_id)


@lru_cache(maxsize=256)
def _load_published(version_id: UUID) -> TemplateVersion:
    return TemplateVersion.objects.get(pk=version_id, published_at__isnull=False)
