"""Our own PostgreSQL: the server in a data folder, and the roles of its database."""
