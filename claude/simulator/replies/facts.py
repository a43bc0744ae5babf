"""What a context says about the person: a sentence in the first person, and the amounts that the conversation must agree with.

It is rough on purpose. A sentence that does not fit the pattern is left out instead of being repeated wrongly.
"""

import re
from collections.abc import Mapping

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_SUBJECT = re.compile(r"(He|She|They) ")
_UNFIT = re.compile(
    r"\bassistant\b|\bsays that\b|\bclaims?\b|\bfragments\b|\bpastes\b|\bcalls her\b|[{}<>\[\]]",
    re.IGNORECASE,
)
_ADVERBS = r"(?:(?:also|already|first|just|never|now|often|only|still|then|has) )?"
_VERBS = re.compile(
    rf"((?:^|\b)(?:I|we) {_ADVERBS}|, (?:and |but )?{_ADVERBS}| and {_ADVERBS})"
    r"(is|has|was|doesn't|hasn't|isn't|[a-z]+(?:s|es|ies))\b"
)
_IRREGULAR = {
    "is": "am",
    "has": "have",
    "was": "was",
    "doesn't": "don't",
    "hasn't": "haven't",
    "isn't": "am not",
}
_KNOWN = re.compile(  # what may follow a comma or an "and" in the description of a person
    "asks|checks|counts|delivers|designs|dreams|drives|earns|farms|feels|gets|gives|helps|hides|holds|keeps|lives|"
    "makes|manages|nets|opens|owes|owns|pays|plans|raises|rents|reuses|runs|saves|sells|sends|spends|takes|teaches|"
    "tells|thinks|wants|wires|works|worries|writes"
)
_MINE = {"his": "my", "her": "my", "him": "me", "himself": "myself", "herself": "myself"}
_OURS = {"their": "our", "them": "us", "themselves": "ourselves"}
_AMOUNT = r"[$£€]([\d,]*\d)"
_AMOUNTS = {
    "income": rf"(?:earns?|earning|nets?|netting|takes home|salary of|makes) (?:about )?{_AMOUNT}",
    "savings": rf"{_AMOUNT} (?:is |are )?(?:saved|in savings|invested|in the bank|in cash|in a savings)",
    "debt": rf"(?:owes?|owing) (?:about )?{_AMOUNT}|{_AMOUNT} in (?:federal |student )*(?:debt|loans)",
    "fixed": rf"{_AMOUNT} rent\b",
    "spare": rf"{_AMOUNT} a month to spare|saves? {_AMOUNT} a month",
}
YEARLY = 15_000  # an income above this is one of a year, before tax
AFTER_TAX = 0.78


def first_person(context: str) -> str:
    """The first sentence of the context as the person would say it. Empty unless it is about a he, a she or a they."""
    sentence = _SENTENCE.split(context.strip())[0]
    if not _SUBJECT.match(sentence) or _UNFIT.search(sentence) or len(sentence) > 240:
        return ""
    return _turn_to_first_person(sentence)


def amounts(context: str) -> Mapping[str, int]:
    """Monthly income, savings, debt, fixed costs and what is left over, as far as the context names them."""
    found = ((name, re.search(pattern, context)) for name, pattern in _AMOUNTS.items())
    numbers = {name: _number(match) for name, match in found if match}
    if numbers.get("income", 0) > YEARLY:
        numbers["income"] = round(numbers["income"] / 12 * AFTER_TAX / 50) * 50
    return numbers


def mine(text: str) -> str:
    """A third person's belongings, said by that person."""
    return re.sub(r"\b(his|her|their)\b(?= \w)", "my", text)


def yours(text: str) -> str:
    """The same belongings, said by the planner."""
    return re.sub(r"\b(his|her|their|my)\b(?= \w)", "your", text)


def _number(match: re.Match[str]) -> int:
    return int(next(group for group in match.groups() if group).replace(",", ""))


def _turn_to_first_person(sentence: str) -> str:
    many = sentence.startswith("They")
    subject = "we" if many else "I"
    words = _OURS if many else _MINE
    text = re.sub(r"\b(?:They|they)\b" if many else r"\b(?:He|he|She|she)\b", subject, sentence)
    text = re.sub(r"\b(" + "|".join(words) + r")\b", lambda match: words[match[1]], text)
    if not many:
        text = _VERBS.sub(lambda match: _adverb(match[1]) + _verb(match[2]), text)
    return text[0].upper() + text[1:]


def _adverb(lead: str) -> str:
    return re.sub(r"\bhas $", "have ", lead)


def _verb(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if not _KNOWN.fullmatch(word):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("ches", "shes", "sses")) else word[:-1]
