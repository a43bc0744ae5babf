"""Take a file in: read it, compare it with the workspace, and keep it until somebody imports it."""

from typing import Any

from exports.importing.choices import Choices
from exports.importing.matching import count_outcomes
from exports.importing.reading import FileContent, read_file
from exports.models import ImportedFile
from exports.models.import_files import FileKind
from workspaces.models import User, Workspace

SHOWN = 20  # conversations of a preview
LONGEST_SHOWN = 400  # characters of a turn
MOST_TURNS_SHOWN = 4


def upload_file(
    content: bytes, *, name: str, workspace: Workspace, by: User | None, choices: Choices, sheet: str = ""
) -> ImportedFile:
    """Keep a file of which at least one conversation can be read. The report says what was understood, and what was refused.

    Raises RowsError when nothing can be read.
    """
    found = read_file(content, sheet=sheet)
    return ImportedFile.store(
        content,
        kind=FileKind.CONVERSATIONS,
        workspace=workspace,
        by=by,
        name=name or "conversations",
        sheet=sheet,
        choices=choices.to_json(),
        report=build_report(found, workspace),
    )


def build_report(found: FileContent, workspace: Workspace) -> dict[str, Any]:
    """`FileContent.build_report`, with `outcomes` and a preview of the first conversations."""
    return {
        **found.build_report(),
        "outcomes": count_outcomes(found.conversations, workspace=workspace.pk),
        "without_tier": sum("tier" not in each.fields for each in found.conversations),
        "without_persona": sum("persona" not in each.fields for each in found.conversations),
        "preview": [
            {
                "row": each.number,
                "id": each.id,
                "title": each.fields.get("title", ""),
                "tier": each.fields.get("tier", ""),
                "persona": each.fields.get("persona", ""),
                "system": each.system and each.system[:LONGEST_SHOWN],
                "turn_count": len(each.turns),
                "turns": [
                    {"role": turn.role, "content": turn.content[:LONGEST_SHOWN]}
                    for turn in each.turns[:MOST_TURNS_SHOWN]
                ],
            }
            for each in found.conversations[:SHOWN]
        ],
    }
