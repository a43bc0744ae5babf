"""A dataset folder as Hugging Face lays it out: its card and its archive."""

from exports.formats.hub.archive import choose_inner, write_folder
from exports.formats.hub.card import Card, build_card

__all__ = ["Card", "build_card", "choose_inner", "write_folder"]
