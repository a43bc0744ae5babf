"""A second renderer of the template syntax, as short and slow as it can be, to compare the product's with.

It splits the text at its tags and knows nothing of places, caches or limits.
"""

import re

SECTION = r"\{\{\s*[#^/]\s*\w+\s*\}\}"
LINE_OF_TAGS = re.compile(rf"(?:[ \t]*{SECTION})+[ \t]*(?:\r?\n)?")
TAG = re.compile(r"\{\{\s*([#^/]?)\s*(\w+)\s*(?:\?\s*'([^']*)'\s*:\s*'([^']*)'\s*)?\}\}")


class Wrong(Exception):
    """The text is no template."""


def render(text: str, values: dict[str, str]) -> str:
    lines = [
        re.sub(r"[ \t\r\n]", "", line) if LINE_OF_TAGS.fullmatch(line) else line
        for line in re.split(r"(?<=\n)", text)
    ]
    left, written, section = "".join(lines), "", None
    while left:
        slashes, braces, left = re.fullmatch(r"(?s)(.*?)(?:(\{\{)(.*))?", left).groups("")  # type: ignore[union-attr]
        before = slashes.rstrip("\\")
        count = len(slashes) - len(before)
        piece = before + "\\" * (count // 2 if braces else count) + ("{{" if braces and count % 2 else "")
        written += piece if section is None or section[1] else ""
        if not braces or count % 2:
            continue
        tag = TAG.match("{{" + left)
        if tag is None or (tag[1] and tag[3] is not None) or "{{" in (tag[3] or "") + (tag[4] or ""):
            raise Wrong
        left = left[tag.end() - 2 :]
        sign, name, value = tag[1], tag[2], values[tag[2]]
        if sign == "/":
            if section is None or section[0] != name:
                raise Wrong
            section = None
        elif sign:
            if section is not None:
                raise Wrong
            section = (name, bool(value) == (sign == "#"))
        elif section is None or section[1]:
            written += value if tag[3] is None else tag[3] if value else tag[4]
    if section is not None:
        raise Wrong
    return written
