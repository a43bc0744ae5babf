"""The web server: Gunicorn starts and replaces the processes, Waitress reads and writes the connections (decision 0023)."""
