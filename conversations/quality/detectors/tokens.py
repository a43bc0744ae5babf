"""What would be read as the end of a turn when a model is trained: tokens of chat templates, and names of roles in the text."""

import re
from collections.abc import Iterable, Iterator

from conversations.quality.flags import Flag, cut_quote
from conversations.quality.prepared import PreparedTurn

_TOKENS = re.compile(
    r"<\|[\w/ .:-]{1,60}\|>|<\uff5c[^<>\n]{1,40}\uff5c>|<\|(?:im_start|im_end|eot_id|system|user|assistant|endoftext)\b"
    r"|\[/?INST\]|<</?SYS>>|<</SYS>|\[/?(?:TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS|SYSTEM_PROMPT|SYSTEM|IMG|THINK|CONTROL)\]"
    r"|</?(?:bos|eos|pad|unk|sep|cls|start_of_turn|end_of_turn|start_of_image|end_of_image|start_of_role|end_of_role|end_of_text"
    r"|begin_of_text|think|tool_call|tool_calls|tool_response|function_call|tools|extra_id_\d+|extra_\d+)>"
    r"|\[(?:BOS|EOS|PAD|UNK|CLS|SEP|MASK)\]"
)
# </s> ends a text for Llama 2 and Mistral, and strikes a text through in HTML when <s> stands before it.
_END = re.compile(r"</s>")
_STRUCK = re.compile(r"<s>[^<>\n]{1,500}</s>", re.IGNORECASE)
_NAMED = re.compile(r"<s> (?:element|tag)|<s>['\"`]", re.IGNORECASE)
_ROLES = (
    "user|human|customer|client|assistant|ai|gpt|advis[eo]r|model|agent|bot|chatbot|system|chatgpt|claude|ai assistant|"
    "financial advis[eo]r|consultant|benutzer|nutzer|assistent|kunde|kundin|berater|beraterin|usuario|asistente|cliente|utilisateur|assistante?|"
    "utente|assistente|usu[aá]rio"
)
_PREFIX = re.compile(
    rf"\s*(?:#{{1,4}}\s*|\*\*\s*|<|\[|\()?(?:{_ROLES})(?: ?\d{{1,2}})?(?: \([^()\n]{{1,30}}\))?\s*(?:\*\*|\]|\)|>)?\s*[:\uff1a](?:\*\*)?(?=\s|$)"
    r"|\s*[\[<](?:user|assistant|human|system|ai)[\]>]\s|\s*(?:user|assistant|human|ai) [-\u2013\u2014] "
)
_LATER = re.compile(r"\n[ \t]*(?:#{1,4}\s*|\*\*|\[)?(?:user|human|assistant|ai)(?:\*\*|\])?\s*:(?:\*\*)?\s")


def find_control_tokens(turns: Iterable[PreparedTurn]) -> Iterator[Flag]:
    """A flag for each turn with a token that chat templates use."""
    for turn in turns:
        found = search_control_token(turn.content)
        if found is not None:
            yield Flag("control_tokens", turn.number, cut_quote(turn.content, found.start(), found.end()))


def search_control_token(text: str) -> re.Match[str] | None:
    """The first token of a chat template in a text."""
    if "<" not in text and "[" not in text:
        return None
    return _TOKENS.search(text) or _find_end(text)


def _find_end(text: str) -> re.Match[str] | None:
    if "</s>" not in text:
        return None
    return None if _STRUCK.search(text) or _NAMED.search(text) else _END.search(text)


def find_role_prefixes(turns: Iterable[PreparedTurn]) -> Iterator[Flag]:
    """A flag for each turn that begins with the name of a role and a colon, or holds such a line."""
    for turn in turns:
        found = _PREFIX.match(turn.plain) or ("\n" in turn.plain and _LATER.search(turn.plain)) or None
        if found is not None:
            yield Flag("role_prefix", turn.number, cut_quote(turn.content, found.start(), found.end()))
