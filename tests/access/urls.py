"""Every URL of the product, from the resolver: nothing is listed by hand, so nothing is forgotten."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.regex_helper import normalize

CONVERTED = re.compile(r"<(?:[^>:]+:)?([^>]+)>")


class Url(NamedTuple):
    """A route as a format string with named places, and its name (`admin:index`)."""

    form: str
    name: str
    parameters: tuple[str, ...]

    def path(self, values: Mapping[str, Any]) -> str:
        """The address with its places filled; KeyError for a place that `values` does not know."""
        return self.form % {name: values[name] for name in self.parameters}


def every_url() -> list[Url]:
    return list(_walk(get_resolver().url_patterns, "/", ""))


def _walk(patterns: Any, prefix: str, namespace: str) -> Iterator[Url]:
    for each in patterns:
        form = prefix + _form(each)
        if isinstance(each, URLResolver):
            inner = f"{namespace}{each.namespace}:" if each.namespace else namespace
            yield from _walk(each.url_patterns, form, inner)
        elif isinstance(each, URLPattern):
            yield Url(form, f"{namespace}{each.name or ''}", tuple(re.findall(r"%\((\w+)\)s", form)))


def _form(each: Any) -> str:
    """`conversations/%(conversation_id)s/`, from a path or from a regular expression."""
    if hasattr(each.pattern, "_route"):
        return CONVERTED.sub(r"%(\1)s", each.pattern._route)
    regex = each.pattern.regex.pattern.removesuffix(r"\Z").removesuffix("$").removesuffix("/?")
    form: str = normalize(regex)[0][0]
    return form
