"""The snippets of an export: configurations of trainers that name its files."""

from exports.formats import FormatOptions
from exports.models import Export
from exports.models.states import Split
from exports.snippets import Export as Exported
from exports.snippets import Snippet, build_snippets
from exports.web.forms import DEFAULT_TOKENS


def list_snippets(export: Export) -> tuple[Snippet, ...]:
    """None while there are no files, and for a format that no trainer reads."""
    if not export.has_files:
        return ()
    files = {file["split"] or Split.TRAIN.value: file["name"] for file in export.files}
    # Of a set that is so small that all of it went into another split there is nothing to train on.
    if Split.TRAIN not in files:
        return ()
    about = Exported(
        format=export.format,
        files=files,
        options=FormatOptions(**export.options),
        max_tokens=export.token_limit or DEFAULT_TOKENS,
    )
    return build_snippets(about)
