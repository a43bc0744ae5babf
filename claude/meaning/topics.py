"""Find what the words of an error are about. Status and type decide first; servers word the same thing in many ways.

Each expression is searched without regard to case. They are kept narrow: what none of them finds fails one item, and the
same refusal several times in a row pauses the job in any case (docs/execution.md section 6).
"""

import re

from claude.meaning.bodies import Said


def _compile(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts), re.IGNORECASE)


_WHO = r"(?:organi[sz]ation|account|workspace|project|team|tenant|subscription|api[ _-]?key|virtual key|access token|credential)s?"
_ENDED = (
    r"(?:disabled|deactivated|suspended|terminated|banned|revoked|expired|blocked|locked|restricted|closed|frozen|archived|deleted"
    r"|invalid|inactive|not active|not activated|not enabled|on hold)"
)
_LIMITED = r"(?:usage|billing|spend\w*|credit|monthly|daily|weekly|workspace|organi[sz]ation|account|plan|key|team|lifetime)"
_LIMIT = r"(?:limits?|cap|caps|quota|allowance|maximum)"
_REACHED = r"(?:reached|exceeded|exhausted|hit|used up|depleted|consumed|surpassed)"

_BUDGET = r"(?<!thinking )(?<!token )(?<!tokens )\bbudget\b"  # one of money, not one of tokens
_MONEY_NAMES = _compile(
    r"billing",
    r"budget",
    r"credit",
    r"(?<!load_)balance",
    r"spend",
    r"payment",
    r"arrear",
    r"insufficient_(?:\w+_)?quota",
)
_MONEY_WORDS = _compile(
    r"credit balance",
    r"insufficient (?:\w+ ){0,2}(?:balance|credits?|funds|quota)",
    r"\b(?:balance|credits?|funds)\b (?:\w+ ){0,3}(?:low|insufficient|exhausted|depleted|used up|empty|negative|expired)\b",
    r"\b(?:out of|no|not enough|run out of|ran out of|more|add|buy|purchase) (?:\w+ ){0,2}(?:credits?|funds)\b",
    rf"{_BUDGET}.{{0,80}}\bexceed",
    rf"\b(?:exceed\w*|{_REACHED}|over|above)\b.{{0,80}}(?:{_BUDGET}|\bspend(?:ing)?(?: |-)?(?:limit|cap)?\b)",
    rf"{_BUDGET}.{{0,40}}\b{_REACHED}\b",
    r"\bspend(?:ing)?[ _-](?:limit|cap)",
    rf"\b{_REACHED}\b.{{0,60}}\b{_LIMITED}\b.{{0,30}}\b{_LIMIT}\b",
    rf"\b{_LIMITED}\b.{{0,30}}\b{_LIMIT}\b.{{0,40}}\b{_REACHED}\b",
    rf"\b{_REACHED}\b (?:your |the |its )?(?:\w+ )?quota\b",
    rf"\bquota\b.{{0,40}}\b{_REACHED}\b",
    r"payment (?:is |method )?(?:required|failed|declined)",
    r"\bbilling\b.{0,40}\b(?:details|issue|problem|disabled|not enabled|inactive|account)",
    r"\b(?:past due|overdue|unpaid invoice|top[ -]up your)\b",
    r"余额不足",
    r"额度不足",
    r"欠费",
)
# A limit that time alone lifts. Then words such as "exceeded your organization's limit" are about the rate.
_RATE_WORDS = _compile(
    r"\brate[ -_]?limit",
    r"\bper[ -_](?:minute|second|hour|min|sec)\b",
    r"(?:requests|tokens)_per_",
    r"\b(?:tpm|rpm|itpm|otpm)\b",
    r"concurren",
    r"too many requests",
    r"acceleration",
)
_ACCOUNT_NAMES = _compile(
    r"authenticat", r"unauthori[sz]ed", r"api_key", r"\bauth_error", r"account", r"access_terminated"
)
_ACCOUNT_WORDS = _compile(
    rf"\b{_WHO}\b.{{0,40}}\b{_ENDED}\b",
    rf"\b{_ENDED}\b (?:\w+ ){{0,2}}{_WHO}\b",
    r"\byour access\b.{0,40}\b(?:terminated|revoked|suspended|blocked)",
    r"(?:invalid|incorrect|missing|wrong|no) (?:\w+ )?(?:x-)?api[ _-]?key",
    r"\b(?:not authenticated|authentication (?:failed|error|required)|unauthori[sz]ed)\b",
)
_INPUT_NAMES = _compile(
    r"content[_-]?(?:filter|polic|moderation)", r"moderat", r"flagged", r"policy_violation", r"responsible", r"guardrail",
    r"safety", r"unsafe", r"data_?inspection", r"prohibited", r"sensitive",
)  # fmt: skip
_TEXT = r"(?:input|prompt|content|message|output|response|completion|text|reply|conversation)s?"
_INPUT_WORDS = _compile(
    r"\bflagged\b",
    r"\bmoderation\b",
    r"\bcontent[ _-]?(?:filter\w*|polic\w*|management|moderation|inspection|restriction)",
    r"\bsafety[ _-](?:system|filter|polic\w+|reasons?|settings|check|guidelines)",
    r"\b(?:usage|use|acceptable use) polic\w+",
    r"\b(?:prohibited|inappropriate|harmful|objectionable|unsafe|sensitive|disallowed) (?:content|use|text|input|prompt|information|words?)\b",
    r"\bguardrails?\b",
    rf"\b{_TEXT}\b (?:\w+ ){{0,3}}(?:blocked|rejected|filtered|refused|prohibited|disallowed|not allowed|violates?)\b",
    rf"\b(?:blocked|rejected|filtered|refused)\b (?:\w+ ){{0,3}}{_TEXT}\b",
    r"\bviolat\w+ (?:\w+[ ’']){0,4}(?:polic|terms|guidelines|rules)",
    r"敏感",
    r"违规",
)
_MODEL_NAMES = _compile(r"model", r"deployment_?not_?found")
_GONE = (
    r"(?:not found|not exist|not available|not supported|not accessible|not enabled|not allowed|not a valid|not valid|not permitted"
    r"|doesn['’]t exist|isn['’]t (?:available|supported)|no access|not have access|don['’]t have access|unknown|unsupported|unavailable|invalid|retired|deprecated"
    r"|decommissioned|discontinued|sunset|end[ -]of[ -]life|no longer (?:available|supported|served|offered)|shut down)"
)
_MODEL_WORDS = _compile(
    rf"\bmodel(?:[ _]?(?:id|name))?\b.{{0,120}}?\b{_GONE}\b",
    rf"\b{_GONE}\b (?:\w+ ){{0,4}}models?\b",
    r"\bno (?:such|available|matching|healthy) model",
    r"\bno (?:\w+ )?(?:endpoints?|deployments?|providers?|channels?|routes?) (?:\w+ )?(?:found |available )?(?:for|matching|supporting)\b",
    r"^model:",
)
_SCHEMA_WORDS = _compile(
    r"output_config(?!\.(?!format))",
    r"output_format",
    r"response_format",
    r"json[ _-]?schema",
    r"structured[ _-]outputs?",
    r"guided[ _](?:json|decoding)",
    r"\bschemas?\b.{0,60}\b(?:complex|compil\w+|not supported|unsupported|too (?:large|many|deep))",
    r"\bunsupported\b.{0,20}\bschemas?\b",
)
_PARAMETER_WORDS = _compile(
    r"extra (?:inputs|fields?|keys?) (?:are|is|not)",
    r"\b(?:unknown|unrecogni[sz]ed|unsupported|unexpected|additional) (?:\w+ )?(?:parameter|field|argument|propert)",
    r"\b(?:parameter|field|argument|propert\w+)\b.{0,60}\b(?:not (?:supported|permitted|allowed|recogni[sz]ed)|unknown|unsupported)",
    r"\b(?:temperature|thinking|effort|stream(?:ing)?|system|cache_control|max_tokens)\b[`'\"]?.{0,80}\b(?:not (?:supported|permitted|allowed)|unsupported|deprecated)",
    r"\bmax_tokens\b[`'\"]?:? (?:\S+ ){0,4}?(?:>|must be|is too (?:large|high)|exceeds? the (?:max|limit|model))",
    r"\banthropic-(?:version|beta)\b",
)
_LENGTH_NAMES = _compile(r"context_(?:length|window)", r"too_(?:large|long)")
_LENGTH_WORDS = _compile(
    r"context (?:length|limit|window|size)",
    r"prompt is too long",
    r"input length",
    r"too many (?:input )?tokens",
)
_LOAD_WORDS = _compile(
    r"overload", r"\bcapacity\b", r"too busy", r"temporarily unavailable", r"high (?:load|demand|traffic)"
)


def is_named_money(said: Said) -> bool:
    """A spend limit, a budget or an empty account, by the error's own name."""
    return bool(_MONEY_NAMES.search(said.type) or _MONEY_NAMES.search(said.code))


def is_about_money(said: Said) -> bool:
    """A spend limit, a budget or an empty account, which no waiting cures."""
    return not is_about_rate(said) and bool(_MONEY_WORDS.search(said.text))


def is_about_rate(said: Said) -> bool:
    return bool(_RATE_WORDS.search(said.text))


def is_about_account(said: Said) -> bool:
    """A key, an account or an organization that is unknown, disabled or suspended."""
    names = _ACCOUNT_NAMES.search(said.type) or _ACCOUNT_NAMES.search(said.code)
    return bool(names or _ACCOUNT_WORDS.search(said.text))


def is_filtered(said: Said) -> bool:
    """A filter stopped this prompt or its reply, by the error's own name or fields; its words may repeat the prompt's."""
    return said.is_flagged or bool(_INPUT_NAMES.search(said.type) or _INPUT_NAMES.search(said.code))


def is_about_one_input(said: Said) -> bool:
    """A filter stopped this prompt or its reply, and says nothing about others."""
    return is_filtered(said) or bool(_INPUT_WORDS.search(said.text))


def is_about_model(said: Said) -> bool:
    """A model that the server does not know, or does not serve any more."""
    names = _MODEL_NAMES.search(said.type) or _MODEL_NAMES.search(said.code)
    return bool(names or _MODEL_WORDS.search(said.text))


def is_about_schema(said: Said) -> bool:
    """The schema of the reply is refused. It is the same for every call."""
    return bool(_SCHEMA_WORDS.search(said.text))


def is_about_parameter(said: Said) -> bool:
    """A field is refused that every call of a job has, and not the length of one prompt."""
    return bool(_PARAMETER_WORDS.search(said.text)) and not is_about_length(said)


def is_about_length(said: Said) -> bool:
    names = _LENGTH_NAMES.search(said.type) or _LENGTH_NAMES.search(said.code)
    return bool(names or _LENGTH_WORDS.search(said.text))


def is_about_load(said: Said) -> bool:
    return bool(_LOAD_WORDS.search(said.text) or _LOAD_WORDS.search(said.type))
