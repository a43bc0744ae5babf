"""Django settings. What a person can set is read by `stack.environment`; this module only puts it in its place."""

import base64
import hmac
import os
import secrets
import sys
import tomllib
from collections.abc import Sequence
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static

from lorapipe.queues import Queue
from stack import client as stack_client
from stack import environment, export_storage

ROOT = Path(__file__).resolve().parent.parent
VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
ENVIRONMENT = environment.read(os.environ)
export_storage.refuse_unusable(ENVIRONMENT)
STACK = stack_client.living(ENVIRONMENT.data_dir) if not ENVIRONMENT.database_url else None

# --- which process this is: statements of the web process must be short, others may take longer -----
WEB_PROCESS = "lorapipe.wsgi" in sys.modules  # whatever server has imported it
POOLED_PROCESS = WEB_PROCESS or any("celery" in word for word in sys.argv[:1])
PROCESS = (
    "web"
    if WEB_PROCESS
    else "worker"
    if POOLED_PROCESS
    else "dispatcher"
    if sys.argv[1:2] == ["dispatch"]
    else ""
)
# Commands that store something under a hash of SECRET_KEY, or send something that is signed by it.
KEYED_COMMAND = sys.argv[1:2] in (["dispatch"], ["prepare"], ["check_provider"])
# A command that somebody has typed. What `./run` and its processes do themselves, they do as the system.
TYPED_COMMAND = Path(sys.argv[0]).name == "manage.py" and sys.argv[1:2] not in (
    *(["dispatch"], ["prepare"], ["migrate"], ["up"]),
)

# --- security --------------------------------------------------------------------------------------
DEBUG = False
SECRET_KEY = os.environ.get("SECRET_KEY", "")
if (POOLED_PROCESS or KEYED_COMMAND) and not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set: no session would be safe, and webhooks would be signed by a key that nobody knows. "
        "./run makes one; elsewhere set your own, the same for web, dispatcher and workers."
    )
SECRET_KEY = SECRET_KEY or secrets.token_urlsafe(48)  # other commands sign nothing


def list_encryption_keys(keys: Sequence[str], secret_key: str) -> list[str]:
    """The keys under which secrets are stored. The first one encrypts.

    Last comes one that is derived from SECRET_KEY: it encrypts until the operator sets keys, and still decrypts after that.
    """
    derived = hmac.digest(secret_key.encode(), b"lorapipe: encryption of stored secrets", "sha256")
    return [*keys, base64.urlsafe_b64encode(derived).decode()]


ENCRYPTION_KEYS = list_encryption_keys(ENVIRONMENT.encryption_keys, SECRET_KEY)
ALLOWED_HOSTS = [
    "127.0.0.1",
    "localhost",
    "[::1]",
    ENVIRONMENT.host,
    *os.environ.get("LORAPIPE_ALLOWED_HOSTS", "").split(),
]
# Behind TLS (`LORAPIPE_HTTPS=1` and a proxy that sets X-Forwarded-Proto) cookies and redirects are strict. With strict
# cookies nobody could sign in at the plain loopback address that `./run` prints.
HTTPS = os.environ.get("LORAPIPE_HTTPS") == "1"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$"]  # a supervisor on this machine asks without TLS
SECURE_REFERRER_POLICY = "same-origin"
# Behind TLS a browser takes cookies of these names from this host alone, never from a neighbour of the same domain.
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = (
    ("__Host-sessionid", "__Host-csrftoken") if HTTPS else ("sessionid", "csrftoken")
)
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- applications ----------------------------------------------------------------------------------
# The design of the admin. Without this package Django's own design is used (workspaces/admin_base.py).
ADMIN_KIT = ["unfold"] if find_spec("unfold") else []
INSTALLED_APPS = [
    "lorapipe.apps.LoraPipeConfig",
    "lorapipe.operation.apps.OperationConfig",
    "workspaces",
    "background",
    "provider",
    "templates_app",
    "conversations",
    "batches",
    "review",
    "exports",
    "analytics",
    *ADMIN_KIT,
    "django.contrib.admin.apps.SimpleAdminConfig",  # lorapipe/urls.py loads the admin's classes, with the pages
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "corsheaders",
    "django_htmx",
    "template_partials",
    "csp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # the first page has 170 KB; Django hides the lengths of secrets (BREACH)
    "corsheaders.middleware.CorsMiddleware",  # before everything that may refuse: a page must be able to read refusals
    "lorapipe.middleware.RequestIdMiddleware",
    "csp.middleware.CSPMiddleware",
    "lorapipe.middleware.PrivateCacheMiddleware",
    "lorapipe.middleware.BodySizeMiddleware",
    "lorapipe.middleware.UnusableValueMiddleware",
    "lorapipe.middleware.AdminPolicyMiddleware",
    "lorapipe.middleware.KeyUsedMiddleware",
    "lorapipe.sign_in_limits.SignInLimitMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "lorapipe.isolation.middleware.ReachMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "lib.htmx.HtmxMiddleware",
]
ROOT_URLCONF = "lorapipe.urls"
WSGI_APPLICATION = "lorapipe.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "lorapipe.context.build_shell",
            ]
        },
    }
]
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "generate_all"
AUTH_USER_MODEL = "workspaces.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_HASHERS = ["lorapipe.sign_in_limits.OneAtATimeHasher"]  # hashes as Django's first one
SIGN_IN_LINK_LIFETIME = timedelta(minutes=15)
INVITATION_LIFETIME = timedelta(days=3)  # of the link that an owner passes on to a new member
SESSION_ENGINE = "workspaces.sessions"
SESSION_COOKIE_AGE = ENVIRONMENT.session_hours.idle * 3600
SESSION_MAX_AGE = ENVIRONMENT.session_hours.longest * 3600
# These functions fill a person's new workspace. `manage.py prepare` brings what a later version adds.
FURNISH_WORKSPACE = ["templates_app.packs.installing.install_pack"]

# --- PostgreSQL ------------------------------------------------------------------------------------
DATABASE_URL = ENVIRONMENT.database_url or (STACK.database_url if STACK else None)


def make_database_settings(url: str | None) -> dict[str, Any]:
    """Django's settings for one PostgreSQL URL. The timeouts are set when a connection is made."""
    found: dict[str, Any] = environ.Env.db_url_config(url) if url else {"NAME": "no-stack-is-running"}
    found["ENGINE"] = "django.db.backends.postgresql"
    timeouts = {"lock_timeout": "5s", "statement_timeout": "5s" if WEB_PROCESS else "30s"}
    timeouts["idle_in_transaction_session_timeout"] = "30s"
    found.setdefault("OPTIONS", {})
    found["OPTIONS"]["options"] = " ".join(f"-c {name}={value}" for name, value in timeouts.items())
    found["OPTIONS"]["connect_timeout"] = 5
    # A statement of the web brings along whose rows it may touch; FETCH from a cursor could not (docs/decisions/0035).
    found["DISABLE_SERVER_SIDE_CURSORS"] = WEB_PROCESS
    if not WEB_PROCESS:
        # Each item runs the same thirty statements. Planned once for a connection, they take half of the time.
        found["OPTIONS"] |= {"server_side_binding": True, "prepare_threshold": 3}
    if POOLED_PROCESS:
        found["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 12, "timeout": 20, "max_idle": 60}
        found["CONN_HEALTH_CHECKS"] = True  # after a restart of the database all pooled connections are dead
    found["ATOMIC_REQUESTS"] = False  # a view that waits for a job must commit before it waits
    return found


WEB_THREADS = environment.WEB_THREADS
DATABASES = {"default": make_database_settings(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis -----------------------------------------------------------------------------------------
REDIS_URL = ENVIRONMENT.redis_url or (STACK.redis_url if STACK else None)
CACHES = {
    # Only counts that end by themselves, shared by the web processes. Commands without a broker have their own.
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "lorapipe",
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# --- Celery: what is not used, and why, is in docs/execution.md sections 1 and 7 ----------------
TASK_APP = "lorapipe.celery.app"  # loaded by the workers, and elsewhere with the first message that is sent
CELERY_BROKER_URL = REDIS_URL or "redis://127.0.0.1:1/0"
CELERY_TASK_DEFAULT_QUEUE = Queue.GENERATION.value
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ETA_TASK_LIMIT = 10  # nothing here sends an ETA, so more than this is a mistake
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "health_check_interval": 10,
    "socket_keepalive": True,
    # a process that only publishes does not wait long
    "socket_timeout": 30 if POOLED_PROCESS and not WEB_PROCESS else 2,
    "socket_connect_timeout": 2,
    "global_keyprefix": "lorapipe:",
    "max_connections": ENVIRONMENT.worker_slots + 100,
}

# --- the engine's times, in seconds; tests divide them (docs/execution.md section 2) --------------------
TIME_SCALE = float(os.environ.get("LORAPIPE_TIME_SCALE", "1"))
ENGINE_TICK_S = 0.5
ENGINE_HEARTBEAT_S = 10 / TIME_SCALE
ENGINE_STALE_S = 45 / TIME_SCALE
ENGINE_REAP_EVERY_S = 15 / TIME_SCALE
ENGINE_RECONCILE_EVERY_S = 60 / TIME_SCALE
ENGINE_START_GRACE_S = 75 / TIME_SCALE
ENGINE_DISPATCH_AGAIN_S = 15 / TIME_SCALE
ENGINE_REAP_AFTER_DEADLINE_S = 30 / TIME_SCALE
ENGINE_BACKOFF_S = [seconds / TIME_SCALE for seconds in (1, 2, 4, 8, 16)]
ENGINE_BLOCK_S = 15 / TIME_SCALE  # after a 429 that does not say when to come back
ENGINE_RAMP_MINUTE_S = 60 / TIME_SCALE  # a slowed pool grows by 10% in this time
ENGINE_BREAKER_OVERLOADS = 5
ENGINE_BREAKER_WITHIN_S = 30 / TIME_SCALE
ENGINE_BREAKER_OPEN_S = 30 / TIME_SCALE
ENGINE_BREAKER_LONGEST_S = 300 / TIME_SCALE
ENGINE_SWEPT_AFTER_S = 60 / TIME_SCALE  # all queued items of a cancelled job are cancelled by then
ENGINE_SYSTEMIC_WAIT_S = 3600 / TIME_SCALE
ENGINE_MAX_ATTEMPTS = 3
ENGINE_MAX_CRASHES = 3

# --- Claude ----------------------------------------------------------------------------------------
SIMULATOR_URL = ENVIRONMENT.simulator_url or (STACK.simulator_url if STACK else None)
DEMO = ENVIRONMENT.demo
CLAUDE_BASE_URL = SIMULATOR_URL if DEMO else ENVIRONMENT.anthropic_base_url
CLAUDE_API_KEY = "demo" if DEMO else ENVIRONMENT.anthropic_api_key or "unused"
CLAUDE_NAMED_KEYS = dict(ENVIRONMENT.named_api_keys)

# --- API -------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "workspaces.tokens.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "workspaces.tokens.scopes.TokenScope",
    ],
    "DEFAULT_RENDERER_CLASSES": ["lorapipe.api_renderers.SuccessJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["lorapipe.api_parsers.StorableJSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["lorapipe.limits.requests.CallerThrottle"],
    "EXCEPTION_HANDLER": "lorapipe.api_errors.build_error_response",
}
# Pages of these origins may call the API, with a token: cookies are not allowed along. None by default.
CORS_ALLOWED_ORIGINS = list(ENVIRONMENT.cors_origins)
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_METHODS = ["GET", "POST", "PATCH", "DELETE", "OPTIONS"]
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "prefer",
    "x-request-id",
]
CORS_EXPOSE_HEADERS = [
    "content-disposition",
    "etag",
    "location",
    "preference-applied",
    "retry-after",
    "x-request-id",
]

# --- words, times, files ---------------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = ENVIRONMENT.data_dir / "static"
# `manage.py prepare` collects them and writes this mark last. Without it, in tests, they are served from where they are.
STATIC_MARK = STATIC_ROOT / ".collected"
STATIC_COLLECTED = STATIC_MARK.exists()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "exports": export_storage.describe_storage(ENVIRONMENT),
    "staticfiles": {
        "BACKEND": "lorapipe.static_files.StaticStorage"
        if STATIC_COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not STATIC_COLLECTED
WHITENOISE_MAX_AGE = 600  # of names without a hash; those with one are kept for good
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
UNFOLD = {
    "SITE_TITLE": "LoRAPipe admin",
    "SITE_HEADER": "LoRAPipe",
    "SHOW_HISTORY": False,
    "ENVIRONMENT": "lorapipe.operation.admin.describe_environment",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("favicon.svg")}
    ],
    "STYLES": [lambda request: static("admin.css")],
    # The product's primary colour (app.css) in the eleven steps that the admin's design needs.
    "COLORS": {
        "primary": {
            "50": "oklch(97% .015 275)",
            "100": "oklch(94% .03 275)",
            "200": "oklch(88% .06 275)",
            "300": "oklch(80% .1 275)",
            "400": "oklch(72% .14 275)",
            "500": "oklch(60% .17 275)",
            "600": "oklch(48% .19 275)",
            "700": "oklch(42% .17 275)",
            "800": "oklch(36% .14 275)",
            "900": "oklch(30% .11 275)",
            "950": "oklch(22% .08 275)",
        }
    },
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "lorapipe.log_lines.MaskingFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        },
        "json": {"class": "lorapipe.operation.json_lines.JsonFormatter"},
    },
    "handlers": {
        "out": {
            "class": "logging.StreamHandler",
            "formatter": "json" if ENVIRONMENT.observing.logs_json else "line",
        }
    },
    "root": {"handlers": ["out"], "level": "INFO"},
    "loggers": {
        "httpx2": {"level": "WARNING"},
        "anthropic": {"level": "WARNING"},
        "celery": {"level": "WARNING"},
        "waitress.queue": {"level": "ERROR"},  # it warns of every request that waits for a thread
    },
}
