"""The provider's terms about training on its outputs: one sentence for pages and files. A notice, not legal advice."""

NOTICE = (
    "Anthropic’s terms restrict training models on Claude’s outputs. Narrow, non-competing uses and written permission "
    "are the exceptions. This is a notice, not legal advice."
)
