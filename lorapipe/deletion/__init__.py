"""Delete a workspace or a person: content goes, what was paid stays. It knows every table, and so it is no room's.

`contents` says of each table what becomes of its rows, `actions` is what people do, `kinds` the background job that removes the content.
"""
