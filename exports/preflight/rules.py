"""What is checked before a file is made: the rules by name, each with what it means in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Severity = Literal["blocks", "warns"]


@dataclass(frozen=True, slots=True)
class Rule:
    """`blocks`: a trainer would fail, or lose rows without a word. `sentence` says what is wrong, and `remedy` what to do."""

    name: str
    severity: Severity
    sentence: str
    remedy: str


# The roles and texts of a conversation.
_TURNS = (
    Rule(
        "system_message",
        "blocks",
        "A system message stands among the turns. There may be one, and it comes first, from the template.",
        "Edit the conversation, or reject it.",
    ),
    Rule(
        "unknown_role",
        "blocks",
        "A turn has another role than user or assistant, which chat templates refuse.",
        "Edit the conversation, or reject it.",
    ),
    Rule(
        "alternation",
        "blocks",
        "The turns do not go from the user to the assistant and back, first the user's and last the assistant's. "
        "LLaMA-Factory empties such a row without an error.",
        "Edit the conversation, or reject it.",
    ),
    Rule(
        "blank_text",
        "blocks",
        "A turn has no text. It loads without an error and breaks the training later.",
        "Edit the conversation, or reject it.",
    ),
    Rule(
        "ignored_flags",
        "warns",
        "An answer is marked as not to be trained, and this file has no flag for that: it would be learned.",
        "Choose a format with flags and the flag of your trainer.",
    ),
    Rule(
        "repaired_characters",
        "warns",
        "A text holds NUL or half of a surrogate pair. The first is removed and the other replaced by U+FFFD when the file is written.",
        "Nothing needs to be done; the manifest counts the repairs.",
    ),
    Rule(
        "odd_characters",
        "warns",
        "A text holds control characters, byte order marks or the sign for a damaged letter (U+FFFD).",
        "Look at the conversation: a text may have been damaged on its way.",
    ),
    Rule(
        "control_tokens",
        "warns",
        "A text holds a token of a chat template, such as <|im_end|>. A trainer would read it as the end of a turn.",
        "Edit the conversation, or reject it.",
    ),
)
# What stands beside the turns, and how long they are.
_ROWS = (
    Rule(
        "not_finite",
        "blocks",
        "A number of the metadata is infinite or no number (NaN), which JSON does not have.",
        "Correct the value, or leave the metadata out.",
    ),
    Rule(
        "dates_in_metadata",
        "warns",
        "A value of the metadata looks like a date. Loaders turn it into a time, so it does not come back as it was.",
        "Leave the metadata out, or read them as text.",
    ),
    Rule(
        "too_long",
        "warns",
        "The conversation may have more tokens than the limit. Trainers cut off the rest. Tokens are estimated, for English about a quarter too high.",
        "Raise the limit of the trainer, or leave these out.",
    ),
    Rule(
        "nothing_learned",
        "warns",
        "The first answer begins after the limit of tokens. TRL drops such a row.",
        "Raise the limit of the trainer, or leave these out.",
    ),
    Rule(
        "no_label",
        "blocks",
        "Nobody has approved or rejected the conversation, so it has no label.",
        "Select decided conversations.",
    ),
    Rule(
        "no_pair",
        "warns",
        "The two versions do not differ first in an answer, so they make no pair. They are counted and not written.",
        "Nothing needs to be done.",
    ),
)
# The selection as a whole.
_SELECTION = (
    Rule("nothing_selected", "blocks", "The selection is empty.", "Choose another filter."),
    Rule(
        "too_few",
        "warns",
        "There are fewer conversations than OpenAI and others accept, and than a training needs.",
        "Approve more conversations.",
    ),
    Rule(
        "one_label",
        "warns",
        "All decisions are the same. KTO learns from the difference between approved and rejected ones.",
        "Select approved and rejected conversations.",
    ),
    Rule("repeated_id", "blocks", "The same conversation is selected twice.", "Choose another filter."),
    Rule(
        "duplicates",
        "warns",
        "The turns are exactly those of an earlier conversation.",
        "Reject all but one of them.",
    ),
    Rule(
        "near_duplicates",
        "warns",
        "The conversation resembles an earlier one closely, or is a version of it.",
        "Compare them, and reject all but one.",
    ),
    Rule(
        "no_split",
        "blocks",
        "The conversation is in no split, or in one that is not exported.",
        "Make the split anew.",
    ),
    Rule(
        "split_leak",
        "blocks",
        "The same conversation, another version of it or a near-duplicate is in another split, so the test would be of what was trained.",
        "Make the split anew.",
    ),
    Rule(
        "unapproved",
        "warns",
        "Nobody has approved the conversation.",
        "Review it, or choose approved ones only.",
    ),
    Rule(
        "simulated",
        "warns",
        "The conversation was written by LoRAPipe's simulator, not by a model. Do not train on it.",
        "Leave simulated conversations out.",
    ),
    Rule(
        "superseded",
        "warns",
        "A newer version was made after the approval, and nobody has decided about it. The newer one is not exported.",
        "Decide about the newer version.",
    ),
)
# A finished file.
_FILES = (
    Rule("byte_order_mark", "blocks", "The file begins with a byte order mark.", "Make the export anew."),
    Rule("carriage_returns", "blocks", "Lines end with a carriage return.", "Make the export anew."),
    Rule("blank_lines", "blocks", "A line is blank, on which mlx-lm stops.", "Make the export anew."),
    Rule("not_an_object", "blocks", "A line is no JSON object in UTF-8.", "Make the export anew."),
    Rule("no_last_newline", "blocks", "The last line has no end.", "Make the export anew."),
    Rule(
        "not_as_in_manifest",
        "blocks",
        "The file is not the one that its manifest describes.",
        "Make the export anew.",
    ),
)
RULES: Mapping[str, Rule] = {rule.name: rule for rule in (*_TURNS, *_ROWS, *_SELECTION, *_FILES)}
