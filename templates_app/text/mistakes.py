"""Says what is wrong with a `{{` that begins no placeholder, where exactly, and what to write instead. Pure Python.

Templates come from other tools, so the forms of Jinja, Handlebars, Mustache, Vue, Helm and Python are recognised.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from templates_app.text.names import MAX_NAME, NAME, describe_fault, suggest_name

LONGEST_SHOWN = 60
LONGEST_ADVICE = 160
LONGEST_NAME = 1_000  # characters that are looked at as a wrong name
BRACES = r"For braces that are part of the text write \{{"

_CHOICE = re.compile(rf"\{{\{{\s*+{NAME.pattern}\s*+\?(?![?:])\s*+")
_QUOTED = re.compile(r"'[^'\\]*+(?:\\.[^'\\]*+)*+'", re.DOTALL)
_SPACE = re.compile(r"\s*+")
_OTHER_QUOTES = '"`´“”„‘’‚«»‹›'
_NAME = NAME.pattern


class Mistake(NamedTuple):
    """A message, the character that it is about, and the character after which reading can go on."""

    message: str
    at: int
    end: int


def explain_braces(text: str, start: int) -> Mistake:
    """The mistake of the `{{` at `start`, which begins neither a placeholder nor a section."""
    end = text.find("}}", start)
    if (choice := _CHOICE.match(text, start)) and (found := _explain_choice(text, choice.end())):
        message, at = found
        return Mistake(message, at, max(end + 2, at + 1))
    inner = text[start + 2 : end]
    if end == -1 or "{{" in inner:
        message = f"'{{{{' is never closed by '}}}}'; write {{{{name}}}}. {BRACES}"
        return Mistake(message, start, start + 2)
    return Mistake(_explain_tag(inner, text[start : end + 2]), start, end + 2)


def explain_branch(match: re.Match[str]) -> str:
    """The message for braces in a branch of the choice that `match` holds: name, choice and the two branches."""
    name, _, if_true, if_false = match.groups()
    yes = f"{{{{#{name}}}}}{if_true}{{{{/{name}}}}}" if if_true else ""
    no = f"{{{{^{name}}}}}{if_false}{{{{/{name}}}}}" if if_false else ""
    better = yes + no
    if len(better) > LONGEST_ADVICE:
        better = f"{{{{#{name}}}}} ... {{{{/{name}}}}}"
    return f"nothing is filled inside a quoted text; write a section: {better}. {BRACES}"


# --- choices -----------------------------------------------------------------------------------------


def _explain_choice(text: str, position: int) -> tuple[str, int] | None:
    """What is wrong after the question mark, and where; None if that is not certain."""
    for follows, missing in ((":", "the second text is missing; write : '' for none"), ("}}", "")):
        if text[position : position + 1] != "'":
            return _explain_missing_quote(text, position)
        quoted = _QUOTED.match(text, position)
        if quoted is None:
            return "the text that begins with this quote is never closed; write ' at its end", position
        last = quoted.end() - 1
        position = _skip_space(text, quoted.end())
        if position == len(text):
            return None
        if text.startswith("}}", position) and missing:
            return missing, position
        if not text.startswith(follows, position):
            return r"the quoted text ends at this apostrophe; for an apostrophe inside it write \'", last
        position = _skip_space(text, position + 1)
    return None


def _explain_missing_quote(text: str, position: int) -> tuple[str, int]:
    letter = text[position : position + 1]
    if letter and letter in _OTHER_QUOTES:
        return f"{letter} does not quote a text here; write straight single quotes: 'text'", position
    return "a text in straight single quotes must follow here: 'text'", position


def _skip_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


# --- other tools' forms ------------------------------------------------------------------------------


def _explain_tag(inner: str, whole: str) -> str:
    shown = whole if len(whole) <= LONGEST_SHOWN else whole[: LONGEST_SHOWN - 3] + "..."
    bare = inner.strip()
    for pattern, explain in _FORMS:
        if found := pattern.fullmatch(bare):
            return f"{shown!r}: {explain(found)}"
    if message := _explain_name(bare):
        return f"{shown!r}: {message}"
    return f"{shown!r} is not a placeholder; write {{{{name}}}} or {{{{name ? 'text if true' : 'text if false'}}}}. {BRACES}"


def _explain_name(bare: str) -> str:
    """The message about a name that cannot be one; empty if it does not look like a name."""
    sign = bare[:1] if bare[:1] in ("#", "^", "/") else ""
    word = bare[len(sign) :].strip().removeprefix("$")
    if len(word) > LONGEST_NAME or not _LIKE_A_NAME.fullmatch(word) or not re.search(r"\w", word):
        return ""
    fault = describe_fault(word) or "is not allowed"
    rule = f"a name has the letters a to z and A to Z, digits and _, at most {MAX_NAME}"
    return f"the name {fault}, but {rule}; write {{{{{sign}{suggest_name(word)}}}}}. {BRACES}"


# Words, with what stands between them in other tools: user.name, items[0], text-label, Tweet text. `\w` has no accents
# that are characters of their own, so the marks of Unicode are here too.
_LIKE_A_NAME = re.compile(r"[\w.\-\[\]@/\s\u0300-\u036f\u2010-\u2015\u00a0]++")


def _explain_default(found: re.Match[str]) -> str:
    name = found[1]
    return (
        f"a default does not stand in the text: write {{{{{name}}}}} here, and the default in the row of the variable "
        f'{name} (in a file: default = ..., in the API: "default")'
    )


def _explain_filter(found: re.Match[str]) -> str:
    return (
        f"filters such as {found[2]} are not run: a value is filled as it was given; write {{{{{found[1]}}}}}"
    )


def _explain_call(found: re.Match[str]) -> str:
    return f"nothing is called or calculated here; write a variable such as {{{{{found[1]}}}}}. {BRACES}"


def _explain_block(found: re.Match[str]) -> str:
    word, name = found[1], found[2]
    if word == "each":
        return f"lists are not repeated: {{{{{name}}}}} fills all entries, joined by a comma"
    sign = "^" if word == "unless" else "#"
    return f"write {{{{{sign}{name}}}}} ... {{{{/{name}}}}}: a section is kept or left out by its variable"


def _say(message: str) -> Callable[[re.Match[str]], str]:
    return lambda _found: message


_TERNARY = "write {{name ? 'text if true' : 'text if false'}} or the sections {{#name}} ... {{/name}} and {{^name}} ... {{/name}}"
_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern, re.DOTALL), explain)
    for pattern, explain in (
        (rf"({_NAME})\s*+\|\s*+(?:default|d)\b.*+", _explain_default),
        (rf"({_NAME})\s*+(?:\|\||\?\?|\?:|\bor\b|=)\s*+.++", _explain_default),
        (rf"({_NAME})\s*+\|\s*+(\w++).*+", _explain_filter),
        (rf"({_NAME})\s*+\(.*+", _explain_call),
        (r"#\s*+(if|unless|with|each)\s++(?:\w++\.)*+(\w++)(?:\s.*+)?", _explain_block),
        (
            r"/\s*+(?:if|unless|with|each)",
            _say("write {{/name}} with the name of the section that it closes"),
        ),
        (r"(?:else|\^)(?:\s.*+)?", _say("write {{/name}}{{^name}} with the name of the section")),
        (r"(?:'[^']*+'|\"[^\"]*+\")\s++if\s.*+", _say(_TERNARY)),
        (r"!.*+", _say("comments are not part of the syntax; remove it")),
        (r">.*+", _say("other templates cannot be included; copy their text here")),
        (r"&\s*+\w++", _say("values are never escaped; write {{name}}")),
        (r"=.*+", _say("the braces cannot be changed; write {{name}}")),
        (r"\.", _say(f"write the name of the variable. {BRACES}")),
        (
            r"\{.*+",
            _say(f"a placeholder has two braces: write {{{{name}}}}; a value is never escaped. {BRACES}"),
        ),
        (
            r"['\"].*+",
            _say(
                f"this is no placeholder. {BRACES}; a single {{ is ordinary text and needs nothing before it"
            ),
        ),
    )
)
