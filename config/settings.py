"""Every setting of Polyphony, read from the environment by typed readers that fail loudly.

Nothing here has a default that would be unsafe on the open internet: no secret, no foreign host
name, no debug mode. `POLYPHONY_MODE=production` insists on everything a public server needs; the
default, `local`, is one machine with its data in `var/` and a PostgreSQL of its own (embedded.py).
"""

import ipaddress
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config import embedded

BASE_DIR = Path(__file__).resolve().parent.parent


# --- Readers ----------------------------------------------------------------------------------


def text(name: str, default: str | None = None) -> str:
    """The variable's text; unset or empty without a default is an error that names it."""
    value = os.environ.get(name, "").strip() or default
    if value is None:
        raise ImproperlyConfigured(f"The environment variable {name} is not set.")
    return value


def flag(name: str, default: bool) -> bool:
    """1/0, true/false, yes/no, on/off."""
    value = os.environ.get(name, "").strip().lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def number(name: str, default: int, *, least: int = 0) -> int:
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    try:
        result = int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from error
    if result < least:
        raise ImproperlyConfigured(f"{name} must be at least {least}, not {result}.")
    return result


def words(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """Entries separated by commas; blanks around them are dropped."""
    value = os.environ.get(name, "")
    return [part.strip() for part in value.split(",") if part.strip()] or list(default)


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
    return value


def network_words(name: str) -> list[str]:
    """Host names, addresses or CIDR ranges; an address or range that cannot be read is an error."""
    entries = words(name)
    for entry in entries:
        if "/" in entry:
            try:
                ipaddress.ip_network(entry)
            except ValueError as error:
                raise ImproperlyConfigured(f"{name}: {entry!r} is no network: {error}.") from error
    return entries


def database_from_url(url: str) -> dict[str, Any]:
    """A Django database entry from postgresql://user:password@host:port/name?option=value.

    `host` in the query names a Unix socket folder. Other schemes are refused: Polyphony leans on
    row locks, triggers and COPY, which it would silently lose elsewhere.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(
            f"DATABASE_URL must begin with postgresql://, not {parts.scheme or url[:12]!r}: "
            "PostgreSQL is the only database Polyphony runs on."
        )
    options = dict(parse_qsl(parts.query))
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise ImproperlyConfigured("DATABASE_URL names no database: …/name is missing at its end.")
    return {
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", None) or unquote(parts.hostname or ""),
        "PORT": str(parts.port or options.pop("port", "")),
        "OPTIONS": dict(options),
    }


def secret_key(var_dir: Path, *, production: bool) -> str:
    """SECRET_KEY, else the one `./polyphony` keeps in var/secret, else one for this process."""
    given = os.environ.get("SECRET_KEY", "").strip()
    if given:
        return given
    if production:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. In production it has no default; make one with "
            "`python3 -c 'import secrets; print(secrets.token_urlsafe(50))'` and keep it secret."
        )
    kept = var_dir / "secret"
    if not kept.exists():
        return secrets.token_urlsafe(50)
    if kept.stat().st_mode & 0o077:
        raise ImproperlyConfigured(f"{kept} can be read by others. Run: chmod 600 {kept}")
    return kept.read_text(encoding="ascii").strip()


# --- Where we are -----------------------------------------------------------------------------

PRODUCTION = choice("POLYPHONY_MODE", "local", ("local", "production")) == "production"
DEBUG = flag("POLYPHONY_DEBUG", False)
if DEBUG and PRODUCTION:
    raise ImproperlyConfigured("POLYPHONY_DEBUG shows secrets to visitors; production refuses it.")

VAR_DIR = Path(text("POLYPHONY_VAR_DIR", str(BASE_DIR / "var"))).expanduser().resolve()
RELEASES_DIR = VAR_DIR / "releases"
IMPORTS_DIR = VAR_DIR / "imports"
SECRET_KEY = secret_key(VAR_DIR, production=PRODUCTION)
SECRET_KEY_FALLBACKS = words("SECRET_KEY_FALLBACKS")

ALLOWED_HOSTS = words("POLYPHONY_HOSTS", () if PRODUCTION else ("localhost", "127.0.0.1", "[::1]"))
if PRODUCTION and not ALLOWED_HOSTS:
    raise ImproperlyConfigured(
        "POLYPHONY_HOSTS is not set: the names under which people reach this server, by commas."
    )
CSRF_TRUSTED_ORIGINS = words("POLYPHONY_TRUSTED_ORIGINS")

# --- Apps -------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "annotation",
    "aggregation",
    "models_runtime",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    "drf_spectacular",
    "rest_framework",
    "template_partials",
]

MIDDLEWARE = [
    "config.turns.judging_in_turn",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.content_policy.ContentPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "annotation.api.middleware.keep_no_copies",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["annotation.templatetags.telling"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database ---------------------------------------------------------------------------------

# Web processes set a pool as large as their threads; workers and commands keep a plain connection,
# because a pool does not survive the fork of a Celery worker.
_POOL_SIZE = number("POLYPHONY_DATABASE_POOL", 0)
_DATABASE_URL = os.environ.get("DATABASE_URL", "").strip()
if PRODUCTION and not _DATABASE_URL:
    raise ImproperlyConfigured(
        "DATABASE_URL is not set: postgresql://user:password@host:5432/name."
    )

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "ATOMIC_REQUESTS": False,
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": False,
        "OPTIONS": {},
        **(
            database_from_url(_DATABASE_URL)
            if _DATABASE_URL
            else embedded.Cluster.under(VAR_DIR).django_database()
        ),
    }
}
# Hand-written statements (annotation/statements.py) are prepared when they first run. Switch this
# off behind a pooler that lends a connection per transaction and knows no prepared statements.
if flag("POLYPHONY_PREPARED_STATEMENTS", True):
    DATABASES["default"]["OPTIONS"].setdefault("prepare_threshold", 0)
# Compiling a query takes longer than any of ours runs; PostgreSQL guesses otherwise from "LIMIT 1".
# A prepared statement is planned once, not for each value: ours look up a few rows by their keys.
DATABASES["default"]["OPTIONS"].setdefault(
    "options", "-c jit=off -c plan_cache_mode=force_generic_plan"
)
if _POOL_SIZE:
    DATABASES["default"]["OPTIONS"]["pool"] = {
        "min_size": 1,
        "max_size": _POOL_SIZE,
        "timeout": 10,
        "max_lifetime": 3600,
    }

# --- Second factor and single sign-on ---------------------------------------------------------

AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
ACCOUNT_ADAPTER = "annotation.sign_in.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "annotation.sign_in.ProviderAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Polyphony"
# One OpenID Connect provider: its issuer's address, and the client that was registered there.
OIDC_ISSUER = text("POLYPHONY_OIDC_ISSUER", " ").strip()
OIDC_DOMAINS = words("POLYPHONY_OIDC_DOMAINS")
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {"openid_connect": {"OAUTH_PKCE_ENABLED": True}}
if OIDC_ISSUER:
    SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"] = [
        {
            "provider_id": "organisation",
            "name": text("POLYPHONY_OIDC_NAME", "your organisation"),
            "client_id": text("POLYPHONY_OIDC_CLIENT_ID"),
            "secret": text("POLYPHONY_OIDC_CLIENT_SECRET"),
            "settings": {"server_url": OIDC_ISSUER},
        }
    ]
# The organisation is believed about its members' addresses: one that it has verified opens the
# account that has it.
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_LOGIN_ON_GET = True  # a link: form-action would stop a form that leads elsewhere
SOCIALACCOUNT_STORE_TOKENS = False

# --- People -----------------------------------------------------------------------------------

AUTH_USER_MODEL = "annotation.User"
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# --- Browser safety ---------------------------------------------------------------------------

_HTTPS = flag("POLYPHONY_HTTPS", PRODUCTION)
SESSION_COOKIE_SECURE = _HTTPS
CSRF_COOKIE_SECURE = _HTTPS
SECURE_SSL_REDIRECT = _HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = number("POLYPHONY_HSTS_SECONDS", 30 * 24 * 3600) if _HTTPS else 0
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if flag("POLYPHONY_BEHIND_PROXY", False) else None
)
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_NAME = "polyphony_session"
CSRF_COOKIE_NAME = "polyphony_csrf"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"

# Model responses are shown to people: nothing they contain may run, load or report anything.
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
        "object-src": [NONE],
    },
}

# --- Files and uploads ------------------------------------------------------------------------

STATIC_URL = "/static/"
# Hashed names need `collectstatic`, which the image runs; elsewhere files are read where they lie.
_HASHED_STATIC = flag("POLYPHONY_HASHED_STATIC", PRODUCTION)
STATIC_ROOT = (
    Path(text("POLYPHONY_STATIC_DIR", str(VAR_DIR / "static"))).resolve()
    if _HASHED_STATIC
    else None
)
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": VAR_DIR / "media"},
    },
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if _HASHED_STATIC
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not _HASHED_STATIC
WHITENOISE_ALLOW_ALL_ORIGINS = False
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
FILE_UPLOAD_PERMISSIONS = 0o600

# --- Language and time ------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LANGUAGE_COOKIE_NAME = "polyphony_language"
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = _HTTPS
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

# --- Work behind the pages --------------------------------------------------------------------

# Rows say what is to be done; a message only wakes a worker. So any broker will do, and the default
# is a folder. With another broker set CELERY_BROKER_URL (redis://, amqp://).
TASK_QUEUES = ("interactive", "default", "generate", "reward", "judge", "aggregate", "export")
BROKER_DIR = VAR_DIR / "broker"
CELERY_BROKER_URL = text("CELERY_BROKER_URL", "filesystem://localhost")
if CELERY_BROKER_URL.startswith("filesystem:"):
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        "data_folder_in": str(BROKER_DIR / "messages"),
        "data_folder_out": str(BROKER_DIR / "messages"),
        "control_folder": str(BROKER_DIR / "control"),
        "processed_folder": str(BROKER_DIR / "taken"),
        "store_processed": False,
        "polling_interval": 0.1,
    }
elif CELERY_BROKER_URL.startswith(("redis", "valkey", "sentinel")):
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 6 * 3600}
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {}
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_ROUTES = {
    "*.sweep": {"queue": "default"},
    "aggregation.publish_release": {"queue": "export"},
    "aggregation.*": {"queue": "aggregate"},
    "models_runtime.run_generation": {"queue": "generate"},
    "models_runtime.run_scoring": {"queue": "reward"},
    "models_runtime.run_probe": {"queue": "generate"},
    "models_runtime.run_judging": {"queue": "judge"},
    "models_runtime.run_audit": {"queue": "judge"},
    "models_runtime.run_study": {"queue": "judge"},
}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = TIME_ZONE
SWEEP_SECONDS = number("POLYPHONY_SWEEP_SECONDS", 15, least=1)
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")
CELERY_BEAT_SCHEDULE = {
    f"{app}.sweep": {"task": f"{app}.sweep", "schedule": float(SWEEP_SECONDS)}
    for app in ("annotation", "aggregation", "models_runtime")
}

# --- Leaving the house ------------------------------------------------------------------------

# Model servers on this machine or a private network must be named here: host, address or CIDR.
OUTBOUND_ALLOW = network_words("POLYPHONY_OUTBOUND_ALLOW")

# --- REST -------------------------------------------------------------------------------------

API_IMPORT_BYTES = number("POLYPHONY_API_IMPORT_BYTES", 16 * 1024 * 1024, least=1)
API_REQUESTS_PER_MINUTE = number("POLYPHONY_API_RATE", 3000, least=1)
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["annotation.api.parsing.StrictJSONParser"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "annotation.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["annotation.api.throttling.SenderThrottle"],
    "DEFAULT_FILTER_BACKENDS": ["annotation.api.filters.AllowedFilters"],
    "DEFAULT_PAGINATION_CLASS": "annotation.api.pagination.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "annotation.api.schema.ApiSchema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "annotation.api.problems.answer",
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "annotation.api.negotiation.JsonOnly",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Polyphony",
    "DESCRIPTION": "Collect preferences, aggregate them, publish preference datasets.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": r"/api/v1/(?:projects/\{project\})?",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [],  # enums stay where they are used: no names to collide across apps
}

# --- Logs -------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "config.logs.DiscreetFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": text("POLYPHONY_LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"level": "WARNING", "propagate": True},
        "httpx": {"level": "WARNING", "propagate": True},  # a line per call to a model is too many
    },
}
