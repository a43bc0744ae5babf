"""Draws the rooms of the project from their imports, and lists which file answers which address.

    python scripts/draw_rooms.py            write docs/rooms.svg and the table in docs/architecture.md
    python scripts/draw_rooms.py --check    exit 1 when one of them no longer says what the code does

A room stands above all that it imports. An arrow is left out where a longer way says the same.
"""

import argparse
import ast
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "rooms.svg"
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- addresses: scripts/draw_rooms.py -->\n", "<!-- end of the addresses -->\n"
ROOMS = (
    *("lib", "workspaces", "background", "templates_app", "claude", "provider", "conversations"),
    *("batches", "exports", "review", "analytics", "documents", "stack", "terminal", "lorapipe"),
)
DIVIDED = ("batches", "templates_app")
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 150, 44, 26, 46, 24

Graph = dict[str, set[str]]


# --- what imports what ---------------------------------------------------------------------------------


def read_modules() -> Iterator[tuple[str, ast.Module]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            module = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
            if "migrations" not in module and "static" not in module:
                yield module.removesuffix(".__init__"), ast.parse(path.read_text())


def find_imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def name_room(dotted: str, *, inside: str) -> str | None:
    """The box that a module belongs to: its room, or its folder where one room is looked into."""
    parts = dotted.split(".")
    if not inside:
        return parts[0] if parts[0] in ROOMS and not dotted.startswith("lorapipe.queues") else None
    is_folder = len(parts) > 1 and (ROOT / inside / parts[1]).is_dir()
    return parts[1] if parts[0] == inside and is_folder else None


def read_graph(*, inside: str = "") -> Graph:
    graph: Graph = {}
    for module, tree in read_modules():
        own = name_room(module, inside=inside)
        if own is None:
            continue
        below = graph.setdefault(own, set())
        for name in find_imports(tree):
            other = name_room(name, inside=inside)
            if other not in (None, own):
                below.add(str(other))
    return {room: below & graph.keys() for room, below in graph.items()}


def count_floors(graph: Graph) -> dict[str, int]:
    """From 0 at the ground. Raises RecursionError where rooms import each other in a circle."""

    def floor(room: str) -> int:
        return max((floor(other) + 1 for other in graph[room]), default=0)

    return {room: floor(room) for room in graph}


def reduce(graph: Graph) -> Graph:
    """Without the arrows that a longer way says too."""

    def reach(room: str) -> set[str]:
        return graph[room].union(*(reach(other) for other in graph[room]))

    return {
        room: {other for other in below if not any(other in reach(via) for via in below - {other})}
        for room, below in graph.items()
    }


# --- the picture ---------------------------------------------------------------------------------------


def draw() -> str:
    parts, top, width = [], MARGIN, 0
    for title, inside in (("The rooms", ""), *((f"Inside {room}", room) for room in DIVIDED)):
        drawn, size = draw_graph(read_graph(inside=inside), title=title, top=top)
        parts += drawn
        top += size[1] + MARGIN
        width = max(width, size[0])
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" font-family="sans-serif" font-size="14">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#64748b"/></marker></defs>'
        f'<rect width="{width}" height="{top}" fill="#ffffff"/>'
    )
    return "\n".join([head, *parts, "</svg>", ""])


def draw_graph(graph: Graph, *, title: str, top: int) -> tuple[list[str], tuple[int, int]]:
    floors = count_floors(graph)
    highest = max(floors.values())
    rows = [sorted(room for room in graph if floors[room] == highest - row) for row in range(highest + 1)]
    width = 2 * MARGIN + max(len(row) for row in rows) * (WIDTH + GAP_X)
    spots = {
        room: (
            (width - len(row) * (WIDTH + GAP_X) + GAP_X) // 2 + place * (WIDTH + GAP_X),
            top + 34 + number * (HEIGHT + GAP_Y),
        )
        for number, row in enumerate(rows)
        for place, room in enumerate(row)
    }
    arrows = [
        f'<line x1="{spots[room][0] + WIDTH // 2}" y1="{spots[room][1] + HEIGHT}" x2="{spots[other][0] + WIDTH // 2}" '
        f'y2="{spots[other][1] - 2}" stroke="#94a3b8" marker-end="url(#tip)"/>'
        for room, below in sorted(reduce(graph).items())
        for other in sorted(below)
    ]
    boxes = [
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#f1f5f9" stroke="#475569"/>'
        f'<text x="{x + WIDTH // 2}" y="{y + 27}" text-anchor="middle" fill="#0f172a">{escape(room)}/</text>'
        for room, (x, y) in spots.items()
    ]
    text = f'<text x="{MARGIN}" y="{top + 14}" font-size="17" fill="#0f172a">{escape(title)}</text>'
    return [text, *arrows, *boxes], (width, 34 + len(rows) * (HEIGHT + GAP_Y))


# --- the addresses --------------------------------------------------------------------------------------


def list_addresses() -> str:
    """A line for each address: its pattern, its name, and the file whose function answers."""
    lines = ["| address | file |", "|---|---|"]
    for pattern, view in sorted(walk_urls()):
        lines.append(f"| `/{pattern}` | `{view.replace('.', '/')}.py` |")
    return "\n".join(lines) + "\n"


def walk_urls() -> Iterator[tuple[str, str]]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lorapipe.settings")
    os.environ.setdefault("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")
    sys.path.insert(0, str(ROOT))
    import django  # noqa: PLC0415  it needs the settings above
    from django.urls import URLPattern, get_resolver  # noqa: PLC0415

    django.setup()

    def walk(patterns: Sequence[Any], before: str) -> Iterator[tuple[str, str]]:
        for each in patterns:
            pattern = before + re.sub(r"<\w+:(\w+)>", r"<\1>", str(each.pattern))
            if isinstance(each, URLPattern):
                module = each.callback.__module__
                if module.partition(".")[0] in ROOMS:
                    yield pattern, module
            elif not pattern.startswith("admin/"):
                yield from walk(each.url_patterns, pattern)

    yield from walk(get_resolver().url_patterns, "")


def fill_page(page: str) -> str:
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{list_addresses()}\n{END}{after}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    wanted = {PICTURE: draw(), PAGE: fill_page(PAGE.read_text())}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    if given.check:
        for path in stale:
            print(
                f"{path.relative_to(ROOT)} is out of date: run python scripts/draw_rooms.py", file=sys.stderr
            )
        return 1 if stale else 0
    for path in stale:
        path.write_text(wanted[path])
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
