"""What a person chooses for an import: what conversations get where the file names nothing, and what happens to known ones."""

from dataclasses import asdict, dataclass
from typing import Any, Self
from uuid import UUID

from templates_app.models import TemplateVersion
from templates_app.states import Tier


@dataclass(frozen=True, kw_only=True)
class Choices:
    """`template_version`: of the template that the conversations are held to; None for none. `as_versions`: what has the id
    of a conversation here becomes a new version of it. `again`: what is there already is imported all the same.
    """

    tier: str = Tier.TEMPLATE
    persona: str = ""
    language: str = ""
    template_version: str = ""
    as_versions: bool = False
    again: bool = False

    @classmethod
    def read(cls, stored: dict[str, Any]) -> Self:
        return cls(**{name: value for name, value in stored.items() if name in cls.__dataclass_fields__})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def find_version(self, workspace: UUID) -> TemplateVersion | None:
        """The version, unless it is gone."""
        if not self.template_version:
            return None
        return TemplateVersion.objects.filter(pk=self.template_version, workspace=workspace).first()
