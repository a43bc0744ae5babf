"""The text of a template: its placeholders and variables, filling them, previews and comparisons. Pure Python, no database."""
