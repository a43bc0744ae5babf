"""A notice about the provider's terms on training with its outputs, for pages and files. It is not legal advice."""

NOTICE = (
    "Anthropic’s terms restrict training models on Claude’s outputs. Narrow, non-competing uses and written permission "
    "are the exceptions. This is a notice, not legal advice."
)
