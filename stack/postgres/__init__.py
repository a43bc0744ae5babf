"""Our own PostgreSQL: the server in a data folder, and the roles of its database."""

OWNER = "lorapipe_owner"  # migrations, commands, backups
WEB = "lorapipe_web"
WORKER = "lorapipe_worker"  # and the dispatcher
ROLES = (OWNER, WEB, WORKER)
