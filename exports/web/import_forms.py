"""The forms of an import."""

from typing import Any

from django import forms

from exports.importing.choices import Choices
from exports.importing.reading.details import LONGEST
from lib.tables.limits import LONGEST_SHEET
from templates_app.models import PromptTemplate
from templates_app.states import Tier
from workspaces.models import Workspace


class UploadForm(forms.Form):
    """What conversations get where the file names nothing. The file itself is checked by its reader."""

    tier = forms.ChoiceField(label="Tier", choices=Tier.choices, initial=Tier.TEMPLATE)
    persona = forms.CharField(label="Persona", required=False, max_length=LONGEST["persona"])
    template = forms.ModelChoiceField(
        label="Template", required=False, queryset=PromptTemplate.objects.none(), empty_label="None"
    )
    sheet = forms.CharField(label="Sheet of a workbook", required=False, max_length=LONGEST_SHEET)

    def __init__(self, *args: Any, workspace: Workspace) -> None:
        super().__init__(*args)
        usable = PromptTemplate.objects.usable().filter(workspace=workspace)
        self.fields["template"].queryset = usable.order_by("name")  # type: ignore[attr-defined]

    def read_choices(self) -> Choices:
        template = self.cleaned_data["template"]
        version = template.published_version() if template else None
        return Choices(
            tier=self.cleaned_data["tier"],
            persona=self.cleaned_data["persona"],
            template_version=str(version.pk) if version else "",
        )


class StartForm(forms.Form):
    """What happens to conversations that are known here."""

    as_versions = forms.BooleanField(required=False)
    again = forms.BooleanField(required=False)
