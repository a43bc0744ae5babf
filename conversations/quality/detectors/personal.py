"""Personal data: mail addresses, phone numbers, card numbers and IBANs that may belong to somebody.

What is reserved for examples belongs to nobody: example.com, 555-01.. numbers, the test cards of payment providers.
"""

import re
from collections.abc import Iterable, Iterator

from phonenumbers import Leniency, PhoneNumberMatcher
from stdnum import iban, luhn

from conversations.quality.flags import Flag, cut_quote
from conversations.quality.prepared import PreparedTurn

_MAIL = re.compile(r"(?<![\w.+-])[\w.+'-]{1,64}@((?:[\w-]{1,63}\.)+[^\W\d_]{2,24})(?![\w-])")
_EXAMPLE_DOMAINS = re.compile(
    r"(?:^|\.)(?:example|yourdomain|yourcompany|yoursite|mycompany)\.[a-z.]{2,6}$|^(?:domain|company|test)\.com$"
    r"|(?:^|\.)(?:example|test|invalid|localhost|local)$"
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,30}(?![A-Za-z0-9])")
_SAMPLE_IBANS = frozenset(
    {
        "DE89370400440532013000",
        "GB82WEST12345698765432",
        "GB29NWBK60161331926819",
        "GB33BUKB20201555555555",
        "FR1420041010050500013M02606",
        "FR7630006000011234567890189",
        "ES9121000418450200051332",
        "IT60X0542811101000000123456",
        "NL91ABNA0417164300",
        "AT611904300234573201",
        "CH9300762011623852957",
        "BE68539007547034",
        "DE75512108001245126199",
        "DE12500105170648489890",
    }
)
LONGEST_IBAN = 34
SHORTEST_IBAN = 15
_CARD = re.compile(
    r"(?<![\w.,-])[2-6][0-9]{3}(?:([ -]?)[0-9]{3,7}(?:\1[0-9]{1,7}){0,3}|[0-9]{9,15})(?![\w]|[.,-][0-9])"
)
# Visa, Mastercard, American Express, Diners Club, Discover, JCB, UnionPay, Maestro: the first digits and all lengths.
_CARD_KINDS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}|6(?:011|4[4-9]\d|5\d\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}|(?:50|5[6-9]|63|67)\d{14,17}"
)
_TEST_CARDS = frozenset(
    [
        "4111111111111111",
        "4242424242424242",
        "4012888888881881",
        "4000056655665556",
        "4222222222222",
        "5555555555554444",
        "5105105105105100",
        "2223003122003222",
        "5200828282828210",
        "378282246310005",
        "371449635398431",
        "378734493671000",
        "6011111111111117",
        "6011000990139424",
        "30569309025904",
        "38520000023237",
        "36227206271667",
        "3530111333300000",
        "3566002020360505",
        "6200000000000005",
        "4000000000000002",
        "5454545454545454",
        "4917610000000000",
        "4444333322221111",
        "4988438843884305",
        "4166676667666746",
        "5436031030606378",
    ]
)
_DIGITS = re.compile(r"[0-9](?:[ ().\-/\u2010-\u2013]{0,3}[0-9]){6,}")
_PHONE_WORD = re.compile(
    r"\b(?:phone|call|calls|called|ring|rang|text|number|mobile|cell|tel|telephone|whatsapp|fax|reach|dial|hotline|telefon|"
    r"handy|nummer|rufen|anrufen|tel[eé]fono|llam\w+|t[eé]l[eé]phone|appel\w+|telefono|chiam\w+|telefone|ligu?e?\w*|numer|telefoon|bel)\b",
    re.IGNORECASE,
)
_OTHER_NUMBER = re.compile(
    r"\b(?:reference|ref|order|invoice|account|policy|contract|case|ticket|serial|tracking|parcel|isbn|meter|member|customer|"
    r"transaction|version|timestamp|id|code|loan|bestell\w*|rechnung\w*|vertrag\w*|konto\w*)\b[^.!?\n]{0,20}$",
    re.IGNORECASE,
)
# One in ten numbers of any kind has the check digit of a card.
_ORDER = re.compile(
    r"\b(?:order|reference|ref|invoice|tracking|parcel|serial|ticket|contract|policy|case|isbn|meter|model)\b[^.!?\n]{0,16}\Z",
    re.IGNORECASE,
)
_REGIONS = {
    "en": ("US", "GB"),
    "pt": ("PT", "BR"),
    "zh": ("CN",),
    "ja": ("JP",),
    "ko": ("KR",),
    "sv": ("SE",),
    "da": ("DK",),
    "nb": ("NO",),
    "no": ("NO",),
    "nn": ("NO",),
    "cs": ("CZ",),
    "uk": ("UA",),
    "el": ("GR",),
    "he": ("IL",),
    "hi": ("IN",),
    "vi": ("VN",),
    "ar": ("SA", "EG"),
    "es": ("ES", "MX"),
    "de": ("DE", "AT"),
    "fr": ("FR",),
}
MOST_TRIES = 200  # candidates for a phone number in one turn
# Numbers that the regulators of the US and the UK keep for films and books.
_FICTIONAL = re.compile(
    r"(?:\+?1)?\d{3}55501\d\d|(?:\+44|0)(?:207946|1632960|7700900|8081570|1134960|1214960|1314960|1414960|1614960|1914980)\d+|(?:\+?1)?\d{3}5555555|(?:\+?1)?\d{3}5550\d{3}"
)

Span = tuple[int, int]


def find_personal_data(turns: Iterable[PreparedTurn], *, language: str = "en") -> Iterator[Flag]:
    """A flag for each turn with personal data. `language` says in which country a number without country code is dialled."""
    regions = _find_regions(language)
    for turn in turns:
        spans = sorted(find_spans(turn.content, regions=regions))
        if spans:
            yield Flag("personal_data", turn.number, cut_quote(turn.content, *spans[0]))


def find_spans(text: str, *, regions: Iterable[str] = ("US",)) -> list[Span]:
    """Where personal data stands. A number inside another one counts once: a card number in an IBAN, a phone number in a card."""
    found = list(_find_mails(text)) if "@" in text else []
    if not _DIGITS.search(text) and not _IBAN.search(text):
        return found
    for search in (_find_ibans, _find_cards):
        found += [span for span in search(text) if not _overlaps(span, found)]
    found += [span for span in _find_phones(text, regions) if not _overlaps(span, found)]
    return found


def _overlaps(span: Span, others: Iterable[Span]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in others)


def _find_mails(text: str) -> Iterator[Span]:
    for found in _MAIL.finditer(text):
        if not _EXAMPLE_DOMAINS.search(found[1].lower()):
            yield found.span()


def _find_ibans(text: str) -> Iterator[Span]:
    """IBANs by their check digits. The words that follow may look like a part of it, so that shorter ones are tried."""
    for found in _IBAN.finditer(text):
        ends = [at for at in range(len(found[0])) if found[0][at].isalnum()]
        for count in range(min(len(ends), LONGEST_IBAN), SHORTEST_IBAN - 1, -1):
            end = ends[count - 1] + 1
            number = re.sub("[ -]", "", found[0][:end]).upper()
            if iban.is_valid(number, check_country=False):
                if number not in _SAMPLE_IBANS:
                    yield found.start(), found.start() + end
                break


def _find_cards(text: str) -> Iterator[Span]:
    for found in _CARD.finditer(text):
        number = re.sub("[ -]", "", found[0])
        if number in _TEST_CARDS or len(set(number)) < 4 or not _CARD_KINDS.fullmatch(number):
            continue
        if _ORDER.search(text, max(0, found.start() - 40), found.start()):
            continue
        if luhn.is_valid(number):
            yield found.span()


def _find_phones(text: str, regions: Iterable[str]) -> Iterator[Span]:
    """International numbers anywhere; those without a country code when they are written as one, or when a word says so."""
    shown = re.sub(r"(?<![\w+])00(?=[1-9]\d{0,2}[ \-/(])", " +", text)  # 0044 is +44, and as long
    taken: list[Span] = []
    for region in regions:
        matcher = PhoneNumberMatcher(shown, region, leniency=Leniency.STRICT_GROUPING, max_tries=MOST_TRIES)
        for match in matcher:
            span = (match.start, match.end)
            if not _overlaps(span, taken) and _is_somebodys(shown, match.raw_string, match.start):
                taken.append(span)
                yield span


def _is_somebodys(text: str, raw: str, start: int) -> bool:
    digits = re.sub(r"[^\d+]", "", raw)
    if _FICTIONAL.fullmatch(digits):
        return False
    if digits.startswith("+"):
        return True
    before = text[max(0, start - 40) : start]
    if _OTHER_NUMBER.search(before):
        return False
    written_as_one = not raw.isdigit() and len(digits) >= 9 and bool(re.search(r"[ ()\-/.]", raw))
    return bool(_PHONE_WORD.search(before)) or (written_as_one and raw.count(".") != 3)


def _find_regions(language: str) -> tuple[str, ...]:
    """The countries of a language code: that of de-AT is Austria, those of en are the United States and Britain."""
    base, _, region = language.replace("_", "-").partition("-")
    if len(region) == 2:
        return (region.upper(),)
    return _REGIONS.get(base.lower(), (base.upper(),))
