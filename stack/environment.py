"""What the environment variables mean. Pure: reads a mapping, knows no Django and starts nothing."""

import hashlib
import ipaddress
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from stack.variables.addresses import Addresses, read_addresses
from stack.variables.checks import (
    DEFAULT_MODEL,
    find_base_url_problem,
    find_bucket_problem,
    find_database_problem,
    find_encryption_problem,
    find_folder_problem,
    find_host_problem,
    find_hosts_problem,
    find_http_problem,
    find_key_problem,
    find_model_problem,
    find_origin_problem,
    find_redis_problem,
    split_lower_words,
    split_words,
)
from stack.variables.observing import Observing, read_observing
from stack.variables.sessions import SessionHours, read_session_hours

CHECKOUT = Path(__file__).resolve().parent.parent
ROOT_DATA = Path("/var/lib/lorapipe")
DEMO_RPM = 600
REAL_RPM = 50
MOST_TOKENS = 100_000_000  # per minute: in practice no limit
WEB_THREADS = 8  # of each web process
MOST_WEB_PROCESSES = 4
NAMED_KEY = "ANTHROPIC_API_KEY_"  # the prefix of variables with further keys, which the admin can assign to workspaces
KEYLESS = "unused"  # some gateways require the header, whatever its value


class WrongEnvironment(Exception):
    """Some variables cannot be used; `problems` has one line for each, with its remedy."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The effective settings. URLs and the key are secrets, so the repr leaves them out."""

    port: int = 8000
    host: str = "127.0.0.1"
    data_dir: Path
    database_url: str | None = field(default=None, repr=False)
    roles: Addresses = field(default_factory=Addresses)
    redis_url: str | None = field(default=None, repr=False)
    anthropic_api_key: str | None = field(default=None, repr=False)
    named_api_keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    anthropic_base_url: str | None = field(default=None, repr=False)
    anthropic_model: str = DEFAULT_MODEL
    anthropic_max_tokens: int = 8192
    anthropic_temperature: float | None = None
    rate_limit_rpm: int = REAL_RPM
    rate_limit_itpm: int | None = None
    rate_limit_otpm: int | None = None
    worker_slots: int = 32
    max_concurrency: int = 10
    refusals_in_a_row: int = 5
    simulator_url: str | None = None
    webhook_hosts: tuple[str, ...] = ()
    encryption_keys: tuple[str, ...] = field(default=(), repr=False)
    behind_proxy: bool | None = None
    web_memory_mb: int = 600
    payload_days: int = 0
    cors_origins: tuple[str, ...] = ()
    api_per_minute: int = 3000
    api_anonymous_per_minute: int = 300
    export_dir: Path | None = None
    export_s3: str | None = None
    export_s3_endpoint: str | None = None
    observing: Observing = field(default_factory=Observing)
    session_hours: SessionHours = field(default_factory=SessionHours)

    @property
    def is_public(self) -> bool:
        """Whether the pages are served to other machines."""
        try:
            return not ipaddress.ip_address(self.host.partition("%")[0]).is_loopback
        except ValueError:
            return self.host != "localhost"

    @property
    def demo(self) -> bool:
        """Neither a key nor a base URL: our simulator answers and nothing costs money."""
        return self.anthropic_api_key is None and self.anthropic_base_url is None

    @property
    def mode(self) -> str:
        return "demo" if self.demo else "real"

    @property
    def has_other_server(self) -> bool:
        """Whether the base URL names a server that is not Anthropic's: a gateway, or one of the user's own."""
        host = urlsplit(self.anthropic_base_url or "").hostname or ""
        return self.anthropic_base_url is not None and not f".{host}".endswith(".anthropic.com")

    @property
    def provider_label(self) -> str:
        """Who answers, for people: "simulated", "Anthropic API" or the host of the base URL."""
        if self.demo:
            return "simulated"
        if self.anthropic_base_url is None:
            return "Anthropic API"
        return urlsplit(self.anthropic_base_url).netloc.rpartition("@")[2]

    def name_key_variable(self, name: str) -> str:
        """The variable that holds the key of this name."""
        return f"{NAMED_KEY}{name.upper()}"

    def fingerprint(self) -> dict[str, str]:
        """A hash per variable, so that a difference can be named without storing a secret.

        PORT and HOST are left out: where the pages are served changes nothing about a job.
        """
        return {name: _short_hash(value) for name, value in self._effective().items()}

    def _effective(self) -> dict[str, object]:
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "ANTHROPIC_API_KEY": self.anthropic_api_key,
            **{self.name_key_variable(name): key for name, key in self.named_api_keys.items()},
            "ANTHROPIC_BASE_URL": self.anthropic_base_url,
            "ANTHROPIC_MODEL": self.anthropic_model,
            "ANTHROPIC_MAX_TOKENS": self.anthropic_max_tokens,
            "ANTHROPIC_TEMPERATURE": self.anthropic_temperature,
            "RATE_LIMIT_RPM": self.rate_limit_rpm,
            "RATE_LIMIT_ITPM": self.rate_limit_itpm,
            "RATE_LIMIT_OTPM": self.rate_limit_otpm,
            "LORAPIPE_WORKER_SLOTS": self.worker_slots,
            "LORAPIPE_MAX_CONCURRENCY": self.max_concurrency,
            "LORAPIPE_REFUSALS_IN_A_ROW": self.refusals_in_a_row,
            "LORAPIPE_WEBHOOK_HOSTS": ",".join(self.webhook_hosts),
            "LORAPIPE_EXPORT_DIR": self.export_dir,
            "LORAPIPE_EXPORT_S3": self.export_s3,
            "LORAPIPE_EXPORT_S3_ENDPOINT": self.export_s3_endpoint,
        }


def read(environ: Mapping[str, str]) -> Environment:
    """Turn variables into settings. Empty values count as unset.

    Raises WrongEnvironment with every problem at once; no message holds a secret.
    """
    reader = _Reader(environ)
    key = reader.text("ANTHROPIC_API_KEY", default=None, check=find_key_problem, secret=True)
    base_url = reader.text("ANTHROPIC_BASE_URL", default=None, check=find_base_url_problem)
    demo = key is None and base_url is None
    named = reader.named(NAMED_KEY, check=find_key_problem)
    if named and demo:
        reader.problems.append(
            f"{NAMED_KEY}...: a workspace's own key stands beside ANTHROPIC_API_KEY; set that one too, else this is demo mode"
        )
    export_dir = reader.text("LORAPIPE_EXPORT_DIR", default=None, check=find_folder_problem)
    export_s3 = reader.text("LORAPIPE_EXPORT_S3", default=None, check=find_bucket_problem)
    endpoint = reader.text("LORAPIPE_EXPORT_S3_ENDPOINT", default=None, check=find_http_problem)
    if export_dir and export_s3:
        reader.problems.append(
            "LORAPIPE_EXPORT_DIR and LORAPIPE_EXPORT_S3: the files of exports have one place; unset one of them"
        )
    if endpoint and not export_s3:
        reader.problems.append("LORAPIPE_EXPORT_S3_ENDPOINT: set LORAPIPE_EXPORT_S3 too, to the bucket there")
    settings = Environment(
        port=reader.whole("PORT", default=8000, low=1, high=65_535),
        host=reader.text("HOST", default="127.0.0.1", check=find_host_problem) or "127.0.0.1",
        data_dir=Path(
            reader.text("LORAPIPE_DATA_DIR", default=None, check=find_folder_problem) or default_data_dir()
        ),
        database_url=reader.text("DATABASE_URL", default=None, check=find_database_problem, secret=True),
        roles=read_addresses(reader, owner=environ.get("DATABASE_URL"), check=find_database_problem),
        redis_url=reader.text("REDIS_URL", default=None, check=find_redis_problem, secret=True),
        anthropic_api_key=KEYLESS if key is None and base_url is not None else key,
        named_api_keys=named,
        anthropic_base_url=base_url and base_url.rstrip("/"),
        anthropic_model=reader.text("ANTHROPIC_MODEL", default=None, check=find_model_problem)
        or Environment.anthropic_model,
        anthropic_max_tokens=reader.whole("ANTHROPIC_MAX_TOKENS", default=8192, low=1, high=128_000),
        anthropic_temperature=reader.fraction("ANTHROPIC_TEMPERATURE"),
        rate_limit_rpm=reader.whole(
            "RATE_LIMIT_RPM", default=DEMO_RPM if demo else REAL_RPM, low=1, high=1_000_000
        ),
        rate_limit_itpm=reader.tokens("RATE_LIMIT_ITPM"),
        rate_limit_otpm=reader.tokens("RATE_LIMIT_OTPM"),
        worker_slots=reader.whole("LORAPIPE_WORKER_SLOTS", default=32, low=1, high=1000),
        max_concurrency=reader.whole("LORAPIPE_MAX_CONCURRENCY", default=10, low=1, high=1000),
        refusals_in_a_row=reader.whole("LORAPIPE_REFUSALS_IN_A_ROW", default=5, low=1, high=1000),
        simulator_url=reader.text("LORAPIPE_SIMULATOR_URL", default=None, check=find_http_problem),
        webhook_hosts=split_lower_words(
            reader.text("LORAPIPE_WEBHOOK_HOSTS", default=None, check=find_hosts_problem)
        ),
        encryption_keys=split_words(
            reader.text("LORAPIPE_ENCRYPTION_KEYS", default=None, check=find_encryption_problem, secret=True)
        ),
        behind_proxy=reader.yes_or_no("LORAPIPE_BEHIND_PROXY"),
        web_memory_mb=reader.whole("LORAPIPE_WEB_MEMORY_MB", default=600, low=200, high=1_000_000),
        payload_days=reader.whole("LORAPIPE_PAYLOAD_DAYS", default=0, low=0, high=36_500),
        cors_origins=split_lower_words(
            reader.text("LORAPIPE_CORS_ORIGINS", default=None, check=find_origin_problem)
        ),
        api_per_minute=reader.whole("LORAPIPE_API_PER_MINUTE", default=3000, low=1, high=1_000_000),
        api_anonymous_per_minute=reader.whole(
            "LORAPIPE_API_ANONYMOUS_PER_MINUTE", default=300, low=1, high=1_000_000
        ),
        export_dir=Path(export_dir) if export_dir else None,
        export_s3=export_s3 and export_s3.rstrip("/"),
        export_s3_endpoint=endpoint and endpoint.rstrip("/"),
        observing=read_observing(reader),
        session_hours=read_session_hours(reader),
    )
    if reader.problems:
        raise WrongEnvironment(reader.problems)
    return settings


def default_data_dir(*, root: bool | None = None, checkout: Path = CHECKOUT) -> Path:
    """`<checkout>/.data`; as root a folder that PostgreSQL's own user can reach, one per checkout."""
    if os.geteuid() == 0 if root is None else root:
        return ROOT_DATA / _short_hash(str(checkout))
    return checkout / ".data"


def count_web_processes() -> int:
    """One for each core, but at least two: while one is replaced or computes, the other answers."""
    return min(MOST_WEB_PROCESSES, max(2, os.cpu_count() or 1))


def refuse_unprotected(settings: Environment) -> None:
    """Raises WrongEnvironment for pages that other machines can reach while nobody has said what stands before them."""
    if settings.is_public and settings.behind_proxy is None:
        problem = (
            f"HOST={settings.host}: other machines could reach the pages, and nothing has been said about what stands before them. "
            "Set LORAPIPE_BEHIND_PROXY=1 where a proxy does (Caddy and nginx: docs/operations.md), "
            "LORAPIPE_BEHIND_PROXY=0 where nothing does, as in a network of your own, or leave HOST at 127.0.0.1."
        )
        raise WrongEnvironment([problem])


class _Reader:
    """Reads one variable at a time and collects the problems."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def text(
        self,
        name: str,
        *,
        default: str | None,
        check: Callable[[str], str | None],
        secret: bool = False,
    ) -> str | None:
        value = self._environ.get(name, "").strip()
        if not value:
            return default
        if problem := check(value):
            self._refuse(name, "(not shown)" if secret else repr(_without_password(value)), problem)
        return value

    def named(self, prefix: str, *, check: Callable[[str], str | None]) -> dict[str, str]:
        """The secrets whose variables have this prefix, by the rest of the name in lower case."""
        found = {}
        for variable in sorted(self._environ):
            name = variable.removeprefix(prefix).lower()
            if not variable.startswith(prefix) or not self._environ[variable].strip():
                continue
            if not re.fullmatch(r"[a-z0-9_]{1,40}", name):
                self._refuse(
                    variable, "(not shown)", f"{prefix} must be followed by 1 to 40 letters, digits or _"
                )
            found[name] = self.text(variable, default="", check=check, secret=True) or ""
        return found

    def whole(self, name: str, *, default: int, low: int, high: int) -> int:
        value = self._environ.get(name, "").strip()
        if not value:
            return default
        if re.fullmatch(r"[0-9]{1,9}", value) and low <= int(value) <= high:
            return int(value)
        self._refuse(
            name, repr(value), f"must be a whole number from {low} to {high}; unset it for {default}"
        )
        return default

    def tokens(self, name: str) -> int | None:
        value = self._environ.get(name, "").strip()
        if not value:
            return None
        if re.fullmatch(r"[0-9]{1,9}", value) and 1 <= int(value) <= MOST_TOKENS:
            return int(value)
        problem = f"must be a whole number from 1 to {MOST_TOKENS}; unset it for what a new account may use (no limit with another server)"
        self._refuse(name, repr(value), problem)
        return None

    def yes_or_no(self, name: str) -> bool | None:
        value = self._environ.get(name, "").strip()
        if value not in {"", "0", "1"}:
            self._refuse(name, repr(value), "must be 1 (yes) or 0 (no)")
        return {"0": False, "1": True}.get(value)

    def fraction(self, name: str) -> float | None:
        value = self._environ.get(name, "").strip()
        if not value:
            return None
        number = _number(value)
        if 0 <= number <= 1:
            return number
        self._refuse(name, repr(value), "must be a number from 0 to 1; unset it for the model's own default")
        return None

    def _refuse(self, name: str, shown: str, problem: str) -> None:
        self.problems.append(f"{name}={shown}: {problem}")


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan  # NaN compares false with every bound


def _without_password(value: str) -> str:
    return re.sub(r"(//[^/@\s]*:)[^/@]*@", r"\1***@", value)


def _short_hash(value: object) -> str:
    return hashlib.sha256(repr(value).encode("utf-8", "surrogateescape")).hexdigest()[:12]
