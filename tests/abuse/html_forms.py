"""The forms and links that a page shows: what a browser would send, found in its HTML."""

from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

Pairs = list[tuple[str, str]]
SHOWN_CHOICES = 3  # of a long list of boxes; a form with 500 of them says no more


@dataclass
class FoundForm:
    """`fields` are the names and the values that stand in the page, of which a browser sends one of the `buttons` only.

    The names of `files` take a file.
    """

    action: str
    method: str
    fields: Pairs = field(default_factory=list)
    buttons: Pairs = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        return {name for name, _ in (*self.fields, *self.buttons)} | set(self.files)

    def list_ways(self) -> list[Pairs]:
        """What a browser would send: once for each button, or once."""
        return [[*self.fields, button] for button in self.buttons] or [self.fields]


class _Reader(HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.forms: list[FoundForm] = []
        self.by_id: dict[str, FoundForm] = {}
        self.links: set[str] = set()
        self.open: FoundForm | None = None
        self.area: tuple[FoundForm, str] | None = None
        self.select: tuple[FoundForm, str] | None = None
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        for name in ("href", "hx-get"):
            if name in given:
                self.links.add(urljoin(self.address, given[name]))
        if "hx-post" in given:
            self.forms.append(FoundForm(urljoin(self.address, given["hx-post"]), "post"))
        if tag == "form":
            self.open = FoundForm(
                urljoin(self.address, given.get("action", "")), given.get("method", "get").lower()
            )
            self.forms.append(self.open)
            if given.get("id"):
                self.by_id[given["id"]] = self.open
        elif tag in ("input", "textarea", "select", "button", "option"):
            self._read_field(tag, given)

    def _read_field(self, tag: str, given: dict[str, str]) -> None:
        if tag == "option":
            self._read_option(given)
            return
        form = self.by_id.get(given.get("form", "")) or self.open
        name = given.get("name", "")
        if form is None or not name:
            return
        if tag == "textarea":
            self.area, self.text = (form, name), ""
        elif tag == "select":
            self.select = (form, name)
        elif given.get("type") == "file":
            form.files.append(name)
        elif tag == "button" or given.get("type") in ("submit", "image"):
            form.buttons.append((name, given.get("value", "")))
        elif sum(each == name for each, _ in form.fields) < SHOWN_CHOICES:
            form.fields.append((name, given.get("value", "")))

    def _read_option(self, given: dict[str, str]) -> None:
        """The chosen option of a list, or else its first."""
        if self.select is None:
            return
        form, name = self.select
        if "selected" in given or name not in form.names:
            others = [pair for pair in form.fields if pair[0] != name]
            form.fields = [*others, (name, given.get("value", ""))]

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self.area:
            form, name = self.area
            form.fields.append((name, self.text.strip()))
            self.area = None
        elif tag == "select":
            self.select = None
        elif tag == "form":
            self.open = None


def read_page(html: str, address: str) -> tuple[list[FoundForm], set[str]]:
    """The forms of a page, and the addresses that it links to."""
    reader = _Reader(address)
    reader.feed(html)
    return reader.forms, reader.links


def read_query_names(links: set[str]) -> Counter[str]:
    return Counter(
        name for link in links for name, _ in parse_qsl(urlsplit(link).query, keep_blank_values=True)
    )
