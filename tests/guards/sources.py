"""The project's own sources, parsed, for the guards."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (
    *("lib", "workspaces", "background", "templates_app", "documents", "claude", "provider"),
    *("conversations", "batches", "review", "exports", "analytics", "stack", "terminal", "lorapipe"),
)


class Source(NamedTuple):
    """A module: its dotted name, and its tree."""

    module: str
    tree: ast.Module

    @property
    def room(self) -> str:
        return self.module.partition(".")[0]


def source(module: str, text: str) -> Source:
    return Source(module, ast.parse(text))


def sources() -> Iterator[Source]:
    """Every module of every room; migrations are data of Django's."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if "migrations" not in parts:
                yield source(".".join(parts).removesuffix(".__init__"), path.read_text())


def dotted(node: ast.AST) -> str:
    """`a.b.c` for a name or an attribute chain, else the empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else node.attr
    return ""
