"""Ready-to-run snippets for trainers, which name the exported files. Pure: no database.

`build_snippets` gives those of the trainers that take the format. Versions that were read: trl 1.16, axolotl 0.19, llamafactory
0.9.5, unsloth-zoo 2026.10, mlx-lm 0.32, ms-swift 4.6, tinker-cookbook 0.6.
"""

from exports.snippets import axolotl, llama_factory, mlx_lm, ms_swift, tinker, trl, unsloth
from exports.snippets.snippet import Export, Snippet, SnippetFile

__all__ = ["TRAINERS", "Export", "Snippet", "SnippetFile", "build_snippets"]

TRAINERS = (trl, axolotl, llama_factory, unsloth, mlx_lm, ms_swift, tinker)


def build_snippets(export: Export) -> tuple[Snippet, ...]:
    """The snippets for this export; none for a format that no trainer reads. `export.files` needs a file for "train"."""
    return tuple(trainer.build(export) for trainer in TRAINERS if export.format in trainer.FORMATS)
