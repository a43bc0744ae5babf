"""The web server: Gunicorn starts and replaces the processes, Waitress reads and writes the connections (decision 0024)."""

MEGABYTE = 1_000_000
# Of a request: the largest file (plans, imports, reviews: 20 MB) with the other fields of its form. It is here because the
# server asks for it before Django's models are loaded.
LARGEST_BODY = 20 * MEGABYTE + 100_000
