"""The text of a template: placeholders, variables, rendering, previews and comparisons. Pure Python, no database."""
