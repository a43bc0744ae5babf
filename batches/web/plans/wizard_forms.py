"""The forms of the wizard, one for each kind of plan. Each turns what is typed into a recipe, and a recipe back."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.db.models import QuerySet

from batches.models.jobs import LONGEST_NAME
from batches.planning.plan import LARGEST_PLAN, LARGEST_SEED, LEAST_SEED, find_published_versions
from batches.planning.recipe import DIVERSE
from batches.planning.sources.csv_file import BOUNDS
from batches.planning.sources.matrix import Matrix, MatrixError
from batches.planning.sources.matrix_plan import apply_options, options_of
from batches.planning.sources.matrix_text import (
    PatternReader,
    format_excluded,
    format_quotas,
    lines_of,
    values_of,
)
from batches.planning.sources.matrix_wire import as_json, matrix_of
from batches.web.fields import DetailsField, KeyField, make_input, make_text_area, normalize_line_ends
from batches.web.form_problems import describe_problem, group_by_template
from conversations.details import format_details
from conversations.models import Conversation
from lib.row_problems import RowProblem, cut_problems
from templates_app.models import EdgeCase, OptionKind, Scenario, TemplateVersion
from templates_app.states import Tier
from workspaces.models import Workspace

MOST_CHOICES = 500
MOST_CHIPS = 40  # words of an option list below a text area
SITUATION_TIERS = ((Tier.SCENARIO.value, "Scenarios"), (Tier.EDGE_CASE.value, "Edge cases"))
# The fields that show problems of a plan whose column has another name than the field.
PLACES = {
    "perCell": "count",
    "total": "count",
    "quota": "quotas",
    "axes": "count",
    "conversationIds": "conversations",
}


class RecipeForm(forms.Form):
    """What every kind of plan asks for: a name, a seed, diversity, and free details."""

    kind = ""
    title = ""
    about = ""

    name = forms.CharField(label="Name", required=False, max_length=LONGEST_NAME, widget=make_input())
    seed = forms.IntegerField(
        label="Seed",
        required=False,
        min_value=LEAST_SEED,
        max_value=LARGEST_SEED,
        widget=make_input(forms.NumberInput),
        help_text="Shuffles the plan and decides what is drawn. The same seed gives the same plan. Empty: in order.",
    )
    diversity = forms.BooleanField(
        label="Vary setting, register, length, opening and obstacle",
        required=False,
        widget=make_input(forms.CheckboxInput),
        help_text="Drawn for each item by the seed, so that items of one kind get different prompts.",
    )
    details = DetailsField(
        label="Details for every item",
        required=False,
        widget=make_text_area(2),
        help_text="One detail a line: a name, a colon and a text. They are added below each prompt.",
    )
    idempotency_key = KeyField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        self.workspace = workspace
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if field.help_text:
                field.widget.attrs["aria-describedby"] = f"hint-{name}"

    @classmethod
    def fill_from(cls, recipe: Mapping[str, Any]) -> dict[str, Any]:
        """What the form shows of a recipe."""
        return {
            "seed": recipe.get("seed"),
            "diversity": recipe.get("diversity", cls.kind in DIVERSE),
            "details": format_details(recipe.get("details") or {}),
        }

    def build_recipe(self) -> dict[str, Any]:
        """The recipe of a valid form. Problems that concern several fields are added to the errors only here."""
        chosen = self.cleaned_data
        return {
            "kind": self.kind,
            "seed": chosen["seed"],
            "diversity": chosen["diversity"],
            "details": chosen["details"],
        }

    def add_problems(self, problems: Sequence[RowProblem]) -> None:
        """Add each problem to its field, or above the form where the form has no such field."""
        for problem in cut_problems(group_by_template(problems)):
            place = PLACES.get(problem.column, problem.column)
            place = next((each for each in (place, f"list-{place}") if each in self.fields), "")
            self.add_error(place or None, _describe(problem) if place else describe_problem(problem))


def _describe(problem: RowProblem) -> str:
    if problem.row is None:
        return problem.message
    return f"{problem.rows_text if problem.more_rows else f'line {problem.row}'}: {problem.message}"


class StarterForm(RecipeForm):
    kind = "starter"
    title = "The starter plan, by tier"
    about = "The pack’s conversations of the tiers that you choose, with your own scenarios and edge cases of the pack."

    tiers = forms.MultipleChoiceField(
        label="Tiers", choices=Tier.choices, widget=make_input(forms.CheckboxSelectMultiple)
    )
    limit = forms.IntegerField(
        label="Conversations",
        required=False,
        min_value=1,
        max_value=LARGEST_PLAN,
        widget=make_input(forms.NumberInput),
        help_text="Leave empty for all; try 3 first.",
    )

    @classmethod
    def fill_from(cls, recipe: Mapping[str, Any]) -> dict[str, Any]:
        shown = {"tiers": recipe.get("tiers") or Tier.values, "limit": recipe.get("limit")}
        return {**super().fill_from(recipe), **shown}

    def build_recipe(self) -> dict[str, Any]:
        return {
            **super().build_recipe(),
            "tiers": self.cleaned_data["tiers"],
            "limit": self.cleaned_data["limit"],
        }


class SituationsForm(RecipeForm):
    kind = "situations"
    title = "Scenarios and edge cases by tag"
    about = "One conversation for each situation of your lists that carries one of the tags."

    tiers = forms.MultipleChoiceField(
        label="Which", choices=SITUATION_TIERS, widget=make_input(forms.CheckboxSelectMultiple)
    )
    tags = forms.MultipleChoiceField(
        label="Tags",
        required=False,
        widget=make_input(forms.CheckboxSelectMultiple),
        help_text="Situations with at least one of the chosen tags. None chosen: all of them.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        counts = sorted(count_tags(self.workspace).items())[:MOST_CHOICES]
        self.fields["tags"].choices = [(tag, f"{tag} ({count:,})") for tag, count in counts]  # type: ignore[attr-defined]

    @classmethod
    def fill_from(cls, recipe: Mapping[str, Any]) -> dict[str, Any]:
        tiers = recipe.get("tiers") or [value for value, _ in SITUATION_TIERS]
        return {**super().fill_from(recipe), "tiers": tiers, "tags": recipe.get("tags") or []}

    def build_recipe(self) -> dict[str, Any]:
        return {
            **super().build_recipe(),
            "tiers": self.cleaned_data["tiers"],
            "tags": self.cleaned_data["tags"],
        }


def count_tags(workspace: Workspace) -> Counter[str]:
    """How many scenarios and edge cases that a plan may use carry each tag."""
    found: Counter[str] = Counter()
    for model in (Scenario, EdgeCase):
        rows = model.objects.filter(workspace=workspace).usable().exclude(tags=[])
        for tags in rows.values_list("tags", flat=True)[:LARGEST_PLAN]:
            found.update(set(tags))
    return found


class CsvForm(RecipeForm):
    kind = "csv"
    title = "Rows of a file"
    about = (
        "One row per conversation. The column topic is required; others fill the variables of the template."
    )

    file = forms.FileField(
        label="File",
        widget=make_input(
            forms.FileInput, accept=".csv,.tsv,.txt,.xlsx,.xlsm,.xlsb,.xls,.ods,.json,.jsonl,.ndjson"
        ),
        help_text=(
            "CSV, a workbook (.xlsx, .xls, .ods), JSON or JSON Lines; at most "
            f"{BOUNDS.bytes // 1_000_000} MB, {BOUNDS.rows:,} rows and {BOUNDS.columns:,} columns."
        ),
    )
    sheet = forms.CharField(
        label="Sheet of a workbook",
        required=False,
        max_length=100,
        widget=make_input(),
        help_text="Its name or its number. Empty: the first one with values.",
    )
    tier = forms.ChoiceField(
        label="Default tier",
        choices=Tier.choices,
        widget=forms.Select(attrs={"class": "select"}),
    )
    csv_template = forms.ChoiceField(
        label="Default template",
        required=False,
        widget=forms.Select(attrs={"class": "select"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = sorted(find_published_versions(self.workspace))
        choices = [("", "The starter template of the row’s tier"), *((name, name) for name in names)]
        self.fields["csv_template"].choices = choices  # type: ignore[attr-defined]

    @classmethod
    def fill_from(cls, recipe: Mapping[str, Any]) -> dict[str, Any]:
        shown = {
            "tier": recipe.get("tier", Tier.TEMPLATE.value),
            "csv_template": recipe.get("template_name", ""),
            "sheet": recipe.get("sheet", ""),
        }
        return {**super().fill_from(recipe), **shown}

    def build_recipe(self) -> dict[str, Any]:
        chosen = self.cleaned_data
        about = {
            "tier": chosen["tier"],
            "template_name": chosen["csv_template"],
            "sheet": chosen["sheet"],
            "file": chosen["file"].name[:200],
        }
        return {**super().build_recipe(), **about}


class ChosenForm(RecipeForm):
    kind = "chosen"
    title = "Draft conversations"
    about = "Conversations that are written down as drafts, each made from its own values."

    conversations = forms.MultipleChoiceField(label="Drafts", widget=make_input(forms.CheckboxSelectMultiple))

    def __init__(self, *args: Any, drafts: "QuerySet[Conversation]", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = [
            (str(each.pk), f"{each.conversation_id}: {each.topic or each.title}")
            for each in drafts[:MOST_CHOICES]
        ]
        self.fields["conversations"].choices = rows  # type: ignore[attr-defined]

    @classmethod
    def fill_from(cls, recipe: Mapping[str, Any]) -> dict[str, Any]:
        return {**super().fill_from(recipe), "conversations": recipe.get("conversations") or []}

    def build_recipe(self) -> dict[str, Any]:
        return {**super().build_recipe(), "conversations": self.cleaned_data["conversations"]}


class MatrixForm(RecipeForm):
    """A text area for each variable of the template: several lines vary it, one line is the same for all items."""

    kind = "matrix"
    title = "A matrix"
    about = "Every combination of lists that you give, such as persona, emotion and topic, for one template."

    how = forms.ChoiceField(
        label="How many",
        choices=(("cell", "for each combination"), ("total", "in total, split by weight")),
        widget=make_input(forms.RadioSelect),
    )
    count = forms.IntegerField(
        label="Conversations", min_value=1, max_value=LARGEST_PLAN, widget=make_input(forms.NumberInput)
    )
    exclude = forms.CharField(
        label="Leave out",
        required=False,
        widget=make_text_area(3),
        help_text="One combination a line, with bars between its values: Gig Worker | ashamed. A single value leaves out every combination with it.",
    )
    quotas = forms.CharField(
        label="Exceptions",
        required=False,
        widget=make_text_area(3),
        help_text="One combination a line, the number first: 5 | Gig Worker | ashamed. They override the number for all.",
    )

    def __init__(self, *args: Any, version: TemplateVersion, **kwargs: Any) -> None:
        self.version = version
        super().__init__(*args, **kwargs)
        self.known = options_of(self.workspace, OptionKind.values)
        for variable in version.typed_variables():
            self._add_rows(variable.name, help_text=variable.help, required=variable.required)

    def _add_rows(self, name: str, *, help_text: str, required: bool) -> None:
        field = forms.CharField(label=name, required=False, widget=make_text_area(3), help_text=help_text)
        field.widget.attrs["aria-describedby"] = f"hint-list-{name}"
        self.fields[f"list-{name}"] = field
        listed = sum(kind == name and choice.weight > 0 for (kind, _), choice in self.known.items())
        if listed:
            self.fields[f"all-{name}"] = forms.BooleanField(
                label=f"the whole list of {listed}", required=False, widget=make_input(forms.CheckboxInput)
            )

    def rows(self) -> list[dict[str, Any]]:
        """The variables, as the page shows them."""
        return [
            {
                "variable": variable,
                "field": self[f"list-{variable.name}"],
                "all": self[f"all-{variable.name}"] if f"all-{variable.name}" in self.fields else None,
                "choices": [choice.name for (kind, _), choice in self.known.items() if kind == variable.name][
                    :MOST_CHIPS
                ],
            }
            for variable in self.version.typed_variables()
        ]

    @classmethod
    def fill_from(cls, recipe: Mapping[str, Any]) -> dict[str, Any]:
        shown: dict[str, Any] = {**super().fill_from(recipe), "how": "cell", "count": 1}
        if "matrix" not in recipe:
            return shown
        matrix = matrix_of(recipe["matrix"], seed=recipe.get("seed") or 0)
        shown |= {f"list-{axis.name}": lines_of(axis) for axis in matrix.axes}
        shown |= {f"list-{name}": value for name, value in recipe["values"].items()}
        shown |= {"exclude": format_excluded(matrix), "quotas": format_quotas(matrix)}
        if matrix.total is not None:
            return {**shown, "how": "total", "count": matrix.total}
        return {**shown, "count": matrix.per_cell}

    def build_recipe(self) -> dict[str, Any]:
        axes: dict[str, list[dict[str, Any]]] = {}
        values: dict[str, str] = {}
        for variable in self.version.typed_variables():
            typed = normalize_line_ends(self.cleaned_data[f"list-{variable.name}"])
            given = [*values_of(typed), *self._whole_list(variable.name, typed)]
            if len(given) > 1 or self.cleaned_data.get(f"all-{variable.name}"):
                axes[variable.name] = given
            elif given:
                values[variable.name] = typed.strip()
        about = {**super().build_recipe(), "template": str(self.version.template_id), "values": values}
        return {**about, "matrix": as_json(self._matrix(axes))} if self.is_valid() else about

    def _whole_list(self, name: str, typed: str) -> list[dict[str, Any]]:
        """The words of the option list that are not typed. A word of weight 0 is used only when it is typed."""
        if not self.cleaned_data.get(f"all-{name}"):
            return []
        named = {each["value"] for each in values_of(typed)}
        listed = [choice for (kind, _), choice in self.known.items() if kind == name and choice.weight > 0]
        return [{"value": choice.name} for choice in listed if choice.name not in named]

    def _matrix(self, axes: Mapping[str, list[dict[str, Any]]]) -> Matrix:
        reader = PatternReader({name: [each["value"] for each in given] for name, given in axes.items()})
        chosen = self.cleaned_data
        wire = {
            "axes": [{"name": name, "values": given} for name, given in axes.items()],
            "perCell" if chosen["how"] == "cell" else "total": chosen["count"],
            "exclude": reader.read_excluded(normalize_line_ends(chosen["exclude"])),
            "quotas": reader.read_quotas(normalize_line_ends(chosen["quotas"])),
        }
        self.add_problems(reader.problems)
        try:
            matrix = matrix_of(wire, seed=chosen.get("seed") or 0)
        except MatrixError as wrong:
            self.add_problems(wrong.problems)
            return Matrix(axes=())
        weighted = {
            name: {each["value"] for each in given if "weight" in each} for name, given in axes.items()
        }
        return apply_options(self.workspace, matrix, weighted=weighted)


FORMS: Mapping[str, type[RecipeForm]] = {
    form.kind: form for form in (StarterForm, MatrixForm, SituationsForm, CsvForm, ChosenForm)
}
