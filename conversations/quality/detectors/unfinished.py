"""What was left to be filled in: variables of the template without a value, and placeholders."""

import re
from collections.abc import Collection, Iterable, Iterator

from conversations.parsing.checks import find_unresolved
from conversations.quality.flags import Flag, cut_quote
from conversations.quality.prepared import PreparedTurn

# What a person fills in. The last word of a placeholder is one of them.
_FIELDS = (
    "name|names|firstname|lastname|surname|company|bank|city|town|country|state|province|amount|amounts|number|date|dates|day|month|year|"
    "time|email|e-mail|mail|address|phone|telephone|url|link|website|title|job|signature|client|customer|advis[eo]r|agent|product|price|"
    "rate|percentage|percent|age|location|place|institution|employer|position|department|topic|reason|example|details|description|"
    "salary|income|balance|currency|sum|value|profession|occupation|organi[sz]ation|brand|school|university|lender|provider|text|"
    "answer|question|response|here|id|fee|term|goal|hobby|information|region|street|zip|postcode|contact"
)
_OWNERS = "the|my|our|their|his|her|its|this|that|these|those|a|an|some|no|each|every|another"
_BRACKETED = re.compile(
    rf"(?<![\w\])])\[\s*(?!(?:{_OWNERS})\s)(?:(?:\.\.\.|…)?\s*(?:insert|your|enter|add|fill in|specify|state|mention|choose)\s[^\]\n]{{1,60}}"
    rf"|(?:(?:[^\W_]|['’/.]){{1,30}},?[ _-]){{0,4}}(?:{_FIELDS})|[^\]\n]{{0,40}}\bto be (?:added|confirmed|filled in|determined|inserted|completed)|[xyz]|x{{2,6}}|tbd|todo|tba|tk|placeholder\b[^\]\n]{{0,60}})\s*\](?![(\w])",
    re.IGNORECASE,
)
_ANGLED = re.compile(
    rf"(?<!\w)<\s*(?:(?:insert|your|enter|add|specify)\b[ _][^<>\n]{{1,60}}"
    rf"|(?:(?:[^\W_]|['’]){{1,30}}[ _-]){{1,3}}(?:{_FIELDS})|amount|name|date|city|number|company|placeholder|(?-i:{_FIELDS.upper()}))\s*>",
    re.IGNORECASE,
)
_BRACED = re.compile(
    rf"(?<![\w${{\\(\[=])\{{(?:{_FIELDS})\}}(?!\}})|(?<![_\w])_{{4,}}(?!_)"
    r"|(?<![\w${\\(\[=])\{[a-z]+(?:_[a-z]+)+\}(?!\})|(?<![\w`])\$\{[A-Za-z_]\w{1,40}\}|(?<!\w)%[A-Z]{2,}(?:_[A-Z]+)*%(?!\w)"
)
_WORDED = re.compile(
    r"\blorem ipsum\b|\b(?-i:TODO|FIXME|TBD|TKTK)\b\s*:|\binsert (?:an? |the |your |some )?(?:[\w'-]{1,30} ){0,3}(?:story|anecdote|quote|text|paragraph|sentence|example|name|details?|description|amount|figures?|numbers?|date|link|advice|information|content|reason|topic)(?: [\w]+){0,3} here\b(?!\")"
    r"|\breplace this (?:text|line|paragraph|sentence|section|placeholder)\b"
    r"|\b(?-i:DD[/.-]MM[/.-](?:YYYY|YY)|MM[/.-]DD[/.-](?:YYYY|YY)|YYYY-MM-DD)\b"
    r"|(?<![\w.])(?-i:[XY]{1,3}(?:\.X{1,2})?)\s?%|[$€£]\s?(?-i:X{1,6}(?:[,.]X{2,3})*)(?![\w])|(?<!\w)(?-i:X{1,3}(?:[,.]XXX)+)(?!\w)"
    r"|\b(?-i:XX\.XX|XX/XX/XXXX)\b",
    re.IGNORECASE,
)
_MARKS = re.compile(
    r"[\[<{]|%[A-Z]|[$€£]\s?X|____|XX|X,X|X\.X|[XY] ?%|[Ll]orem|LOREM|TODO|FIXME|TBD|TKTK|DD|YYYY|[Ii]nsert|[Rr]eplace this"
)
_FORMAT = re.compile(r"\b(?:format|formatted|pattern|written as|notation)\b", re.IGNORECASE)
# Braces and brackets of a program are content.
_CODE = re.compile(
    r"```|`[^`\n]+`|\bf[\"'][^\"'\n]*\{|=>|\bfunction\s*\(|console\.log|\bdef \w+\(|^[ \t]{4,}\S",
    re.MULTILINE,
)


def find_variables(turns: Iterable[PreparedTurn], variables: Collection[str]) -> Iterator[Flag]:
    """A flag for each turn that holds a variable of its own template; `{{ }}` of Vue, Helm or LaTeX is content."""
    for turn in turns:
        found = find_unresolved(turn.content, variables)
        if found is not None:
            yield Flag(
                "unresolved_variable", turn.number, cut_quote(turn.content, found.start(), found.end())
            )


def find_placeholders(turns: Iterable[PreparedTurn]) -> Iterator[Flag]:
    for turn in turns:
        if not _MARKS.search(turn.content):
            continue
        found = _WORDED.search(turn.content)
        if (
            found is not None
            and "%" not in found[0]
            and found[0].startswith(("DD", "MM", "YYYY"))
            and _FORMAT.search(turn.content)
        ):
            found = None  # "write the date as DD/MM/YYYY" is an explanation
        if found is None and not _CODE.search(turn.content):
            searches = (pattern.search(turn.content) for pattern in (_BRACKETED, _ANGLED, _BRACED))
            found = next((each for each in searches if each), None)
        if found is not None:
            yield Flag("placeholder", turn.number, cut_quote(turn.content, found.start(), found.end()))
