"""Published versions, kept by this process: they are never changed (a trigger sees to it), and every call reads one."""

from functools import lru_cache
from uuid import UUID

from templates_app.models import TemplateVersion


def version(version_id: UUID) -> TemplateVersion:
    """The version, read once where it is published. Do not change what you get: others have it too.

    Raises TemplateVersion.DoesNotExist.
    """
    try:
        return _published(version_id)
    except TemplateVersion.DoesNotExist:
        return TemplateVersion.objects.get(pk=version_id)


@lru_cache(maxsize=256)
def _published(version_id: UUID) -> TemplateVersion:
    return TemplateVersion.objects.get(pk=version_id, published_at__isnull=False)
