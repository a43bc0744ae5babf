"""What is wrong with the value of an environment variable: None, or what it must be instead. Pure."""

import re
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_MODEL = "claude-sonnet-5-5"
MOST_ORIGINS = 50


def split_words(value: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (value or "").split(",") if word.strip())


def split_lower_words(value: str | None) -> tuple[str, ...]:
    return tuple(word.lower() for word in split_words(value))


def find_encryption_problem(value: str) -> str | None:
    if all(re.fullmatch(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]=", key) for key in split_words(value)):
        return None
    return (
        "must be Fernet keys, separated by commas, the newest first; this makes one: "
        'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
    )


def find_hosts_problem(value: str) -> str | None:
    if all(re.fullmatch(r"[a-z0-9.-]+(:[0-9]{1,5})?", word) for word in split_lower_words(value)):
        return None
    return "must be host names, separated by commas, each with its port if it has one: hooks.example.com,10.0.0.7:8080"


def find_key_problem(value: str) -> str | None:
    if re.fullmatch(r"[!-~]+", value):
        return None
    return "must be one word of plain characters; copy the key again, without spaces or line breaks"


def find_base_url_problem(value: str) -> str | None:
    if problem := find_http_problem(value):
        return problem
    if value.rstrip("/").endswith("/v1"):
        return "must not end in /v1, which is added to each request; remove it"
    return None


def find_http_problem(value: str) -> str | None:
    if is_url(value, {"http", "https"}, needs_host=True):
        return None
    return "must be an address that begins with http:// or https://"


def find_host_problem(value: str) -> str | None:
    if re.fullmatch(r"[A-Za-z0-9.:_%-]+", value):
        return None
    return "must be a host name or an address alone, for example 127.0.0.1 or 0.0.0.0"


def find_folder_problem(value: str) -> str | None:
    if Path(value).is_absolute():
        return None
    return f"must be an absolute path, for example {Path.cwd() / value}"


def find_bucket_problem(value: str) -> str | None:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9](/[A-Za-z0-9._-]{1,100}){0,5}/?", value):
        return None
    return "must be the name of a bucket, with folders behind it if you like: my-bucket/lorapipe/exports"


def find_database_problem(value: str) -> str | None:
    if is_url(value, {"postgres", "postgresql"}) and urlsplit(value).path.strip("/"):
        return None
    return "must be postgresql://USER:PASSWORD@HOST:PORT/NAME (only PostgreSQL is supported); unset it for our own"


def find_redis_problem(value: str) -> str | None:
    if is_url(value, {"redis", "rediss", "unix"}):
        return None
    return "must begin with redis://, rediss:// or unix://; unset it for our own"


def find_model_problem(value: str) -> str | None:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:@/-]*", value):
        return None
    return f"must be a model id, for example {DEFAULT_MODEL}"


def is_url(value: str, schemes: set[str], *, needs_host: bool = False) -> bool:
    try:
        parts = urlsplit(value)
        numbered = parts.port != 0  # raises for what is no port number
    except ValueError:
        return False
    known = parts.scheme in schemes and value.startswith(f"{parts.scheme}://")
    return known and numbered and (bool(parts.hostname) or not needs_host)


def find_origin_problem(value: str) -> str | None:
    """Origins as browsers send them: scheme and host, the port if it is not the usual one, and nothing behind."""
    words = split_lower_words(value)
    wrong = [word for word in words if not re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", word)]
    if not wrong and len(words) <= MOST_ORIGINS:
        return None
    return (
        f"must be at most {MOST_ORIGINS} origins, separated by commas, without a path: "
        "https://app.example.com,http://localhost:3000"
    )
