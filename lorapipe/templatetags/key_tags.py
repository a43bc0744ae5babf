"""Template tags for keys: hints on buttons, the sheet, and what the script is told. `ui` registers them."""

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from workspaces.web.keymap import COOKIE, list_lines, list_translations, read_keymap


def find_keymap(context: template.Context) -> Mapping[str, str]:
    """The keys that this browser has changed. A part that is included with `only` still knows its request."""
    request = context.get("request") or getattr(context, "request", None)
    return read_keymap(request.COOKIES.get(COOKIE, "")) if request else {}


def kbd(context: template.Context, key: str) -> SafeString:
    """The hint of a key on a button, as this browser has it. What the keys do stands in workspaces/web/keymap.py."""
    pressed = find_keymap(context).get(key, key)
    return format_html('<kbd class="kbd only-wide" aria-hidden="true">{}</kbd>', pressed)


def shortcut(context: template.Context, key: str) -> str:
    """The value of aria-keyshortcuts: capitals are pressed with Shift."""
    pressed = find_keymap(context).get(key, key)
    return f"Shift+{pressed}" if pressed.isupper() else pressed


def keymap_lines(context: template.Context) -> list[Any]:
    """The lines of the sheet of keys, with the keys that this browser has."""
    return list(list_lines(find_keymap(context)))


def key_translations(context: template.Context) -> str:
    """What the script needs to know of changed keys; empty where none is."""
    return " ".join(list_translations(find_keymap(context)))


def pressed_key(context: template.Context, key: str, pressed: str) -> SafeString:
    """A key of the sheet. `data-map` names it as the table does."""
    shift = format_html('<kbd class="kbd">{}</kbd>', "Shift") if pressed.isupper() else ""
    return format_html('{}<kbd class="kbd" data-map="{}">{}</kbd>', shift, key, pressed.lower())


TAGS = (kbd, shortcut, keymap_lines, key_translations, pressed_key)
