"""Settings, all from the environment.

Every name read here stands in `.env.example` and in the README, and a test says so. A name may be given as
`NAME_FILE` instead, holding the path of a file with the value: for secrets mounted by an orchestrator.
"""

import secrets
import sys
from collections.abc import Callable
from pathlib import Path

import environ
from cryptography.fernet import Fernet
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from ladokflow import errors, logs
from ladokflow.environment import Env
from ladokflow.safe_settings import (
    days_faults,
    federation_faults,
    keep_private,
    key_faults,
    production_faults,
    proxy_faults,
    watching_faults,
)

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env()
env.smart_cast = False

DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var")))
if env.str("ENV_FILE", default=""):
    environ.Env.read_env(env.str("ENV_FILE"))
elif (BASE_DIR / ".env").is_file():
    environ.Env.read_env(str(BASE_DIR / ".env"))

ENVIRONMENT = env.str("ENVIRONMENT", default="development")
if ENVIRONMENT not in {"development", "production"}:
    raise ImproperlyConfigured("ENVIRONMENT must be 'development' or 'production'.")
IS_PRODUCTION = ENVIRONMENT == "production"
DEBUG = env.bool("DEBUG", default=False)


def _key(name: str, make: Callable[[], str]) -> str:
    """A secret from the environment; in development one that is made at first start and kept in DATA_DIR."""
    value = env.str(name, default="")
    if value:
        return value
    if sys.argv[1:2] in (["makekeys"], ["collectstatic"]):
        return make()  # who asks for the first keys has none, and an image is built without any
    if IS_PRODUCTION:
        raise ImproperlyConfigured(
            f"{name} is not set. Give it in the environment (or a file in {name}_FILE); `manage.py makekeys` prints one."
        )
    path = DATA_DIR / "keys" / name.lower()
    try:
        return path.read_text()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Several processes may start at once on a fresh clone: the first to link its file wins, the others read it.
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        draft.touch(mode=0o600)
        draft.write_text(make())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return path.read_text()


SECRET_KEY = _key("SECRET_KEY", lambda: secrets.token_urlsafe(50))
# Comma-separated Fernet keys: the first encrypts, all decrypt. `manage.py rotatekeys` re-encrypts with the first.
FIELD_ENCRYPTION_KEYS = [
    key.strip()
    for key in _key("FIELD_ENCRYPTION_KEYS", lambda: Fernet.generate_key().decode()).split(",")
    if key.strip()
]

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[] if IS_PRODUCTION else ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Where people and WISEflow's webhooks reach us; used in e-mails and when a webhook is registered.
PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")

INSTALLED_APPS = [
    "ladokflow.apps.LadokflowConfig",
    "sources.apps.SourcesConfig",
    "exports.apps.ExportsConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "django_q",
    "django_htmx",
    "template_partials",
    "ladokflow.apps.SignInsConfig",  # django-axes
    "csp",
]

MIDDLEWARE = [
    "ladokflow.middleware.Named",
    "ladokflow.middleware.ready",
    "ladokflow.api.middleware.around_the_api",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "ladokflow.middleware.with_headers",
    "ladokflow.middleware.never_stored",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "ladokflow.middleware.within_bounds",
    "ladokflow.middleware.without_nul",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "ladokflow.middleware.signed_out_in_between",
    "ladokflow.pages.second_factor_first.second_factor_first",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "ladokflow.urls"
WSGI_APPLICATION = "ladokflow.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
            ],
        },
    },
]

# --- Database and queue: see docs/operations.md for why each value stands here ---------------------------------

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'ladokflow.sqlite3'}")}
IS_SQLITE = DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3"
if IS_SQLITE:
    if DATABASES["default"]["NAME"] != ":memory:":
        keep_private(Path(DATABASES["default"]["NAME"]))
    DATABASES["default"]["OPTIONS"] = {
        # Take the write lock at BEGIN: a read-then-write transaction never meets "database is locked".
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # FULL: the mark "sending" must survive a power cut, or a grade could be sent a second time.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=20000;",
    }
else:
    DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="")
Q_CLUSTER = {
    "name": "ladokflow",
    **({"redis": REDIS_URL} if REDIS_URL else {"orm": "default"}),
    "workers": env.int("QUEUE_WORKERS", default=2),
    "queue_limit": 1,
    "bulk": 1,
    "timeout": 60,
    # > (timeout + 3 + guard_cycle) * (1 + ceil((queue_limit + bulk) / workers)): a healthy task is never leased twice.
    "retry": 300,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": 0,
    "recycle": 200,
    "max_rss": 400_000,
    "poll": 0.5,
    "guard_cycle": 0.5,
    "catch_up": False,
    "time_zone": "Europe/Stockholm",
    "label": _("Queue"),
    # Exports have workers of their own (`manage.py watch` runs both): nothing else ever stands before a click.
    "ALT_CLUSTERS": {"exports": {"workers": env.int("EXPORT_WORKERS", default=2), "poll": 0.2}},
}
CACHES = {
    "default": (
        {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "OPTIONS": {"serializer": "ladokflow.cache_serializer.SignedSerializer"},
        }
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}

# --- Outgoing traffic ------------------------------------------------------------------------------------------

# Hosts that may be reached over plain http besides loopback: say a proxy on the inside of the university's network.
PLAIN_HTTP_HOSTS = env.list("PLAIN_HTTP_HOSTS", default=[])
# Hosts, or `host:port`, that may lead to this machine or to private addresses. Those in PLAIN_HTTP_HOSTS may, too. The sandbox of the
# demo is on loopback.
INSIDE_HOSTS = env.list("INSIDE_HOSTS", default=[] if IS_PRODUCTION else ["localhost", "127.0.0.1", "::1"])
REMOTE_TIMEOUT_SECONDS = env.int("REMOTE_TIMEOUT_SECONDS", default=30)
WISEFLOW_CONCURRENCY = env.int("WISEFLOW_CONCURRENCY", default=8)
# How many requests one token of our own API may make.
API_REQUESTS_PER_MINUTE = env.int("API_REQUESTS_PER_MINUTE", default=600)

EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
globals().update(EMAIL_CONFIG)
if EMAIL_CONFIG["EMAIL_BACKEND"] == "django.core.mail.backends.console.EmailBackend":
    EMAIL_BACKEND = "ladokflow.mail.EmailBackend"  # printed, so that it can be read
EMAIL_TIMEOUT = 20  # seconds: a mail server that hangs must not keep a worker of the queue
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="ladokflow@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# --- How long things are kept ----------------------------------------------------------------------------------

ANSWER_RETENTION_DAYS = env.int("ANSWER_RETENTION_DAYS", default=365)
SYNC_RUN_RETENTION_DAYS = env.int("SYNC_RUN_RETENTION_DAYS", default=365)
ACCESS_RETENTION_DAYS = env.int("ACCESS_RETENTION_DAYS", default=730)
WEBHOOK_EVENT_RETENTION_DAYS = env.int("WEBHOOK_EVENT_RETENTION_DAYS", default=90)
LOG_RETENTION_DAYS = env.int("LOG_RETENTION_DAYS", default=365)

# --- Archive packages (docs/archive.md) ------------------------------------------------------------------------

ARCHIVE_DIR = Path(env.str("ARCHIVE_DIR", default=str(DATA_DIR / "archive")))
ARCHIVE_RETENTION_DAYS = env.int("ARCHIVE_RETENTION_DAYS", default=730)
# With a bucket, packages are kept there, and ARCHIVE_DIR only holds what is just being fetched.
ARCHIVE_S3_BUCKET = env.str("ARCHIVE_S3_BUCKET", default="")
ARCHIVE_S3_PREFIX = env.str("ARCHIVE_S3_PREFIX", default="")
ARCHIVE_S3_ENDPOINT = env.str("ARCHIVE_S3_ENDPOINT", default="")
ARCHIVE_S3_REGION = env.str("ARCHIVE_S3_REGION", default="")
ARCHIVE_S3_ACCESS_KEY = env.str("ARCHIVE_S3_ACCESS_KEY", default="")
ARCHIVE_S3_SECRET_KEY = env.str("ARCHIVE_S3_SECRET_KEY", default="")

# --- People ----------------------------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "ladokflow.passwords.CommonWordValidator"},
]
# Whoever administers (licence admins and superusers) proves who they are in two ways.
REQUIRE_SECOND_FACTOR = env.bool("REQUIRE_SECOND_FACTOR", default=IS_PRODUCTION)
INVITATION_DAYS = env.int("INVITATION_DAYS", default=7)
PASSWORD_RESET_TIMEOUT = 60 * 60  # seconds that the link to choose a new password is good for
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
# What is written down of signing in is django-axes' own; how fast one may try is said in ladokflow/sign_in_limits.py.
AXES_HANDLER = "ladokflow.sign_in_limits.SlowDown"
AXES_LOCKOUT_CALLABLE = "ladokflow.sign_in_limits.too_soon"
AXES_CLIENT_IP_CALLABLE = "ladokflow.addresses.address_of"
AXES_COOLOFF_TIME = 1  # hours that a wrong password is remembered
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # what a right password lets forget
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # what came too soon was no try
AXES_VERBOSE = False

# Sign-in at the university: docs/sign-in.md tells what each is for. Nothing of it is offered until its first setting is given.
OIDC_ISSUER = env.str("OIDC_ISSUER", default="")
OIDC_NAME = env.str("OIDC_NAME", default="")
OIDC_CLIENT_ID = env.str("OIDC_CLIENT_ID", default="")
OIDC_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", default="")
OIDC_SCOPES = env.list("OIDC_SCOPES", default=["openid", "profile", "email"])
SAML_METADATA = env.str("SAML_METADATA", default="")
SAML_METADATA_URL = env.str("SAML_METADATA_URL", default="")
SAML_MDQ_URL = env.str("SAML_MDQ_URL", default="").rstrip("/")
SAML_METADATA_CERTIFICATE = env.str("SAML_METADATA_CERTIFICATE", default="")
SAML_KEYS = env.str("SAML_KEYS", default="")
SAML_ENTITY_ID = env.str("SAML_ENTITY_ID", default=f"{PUBLIC_URL}/sign-in/saml/metadata/")
SAML_NAME = env.str("SAML_NAME", default="")
SAML_DISCOVERY_URL = env.str("SAML_DISCOVERY_URL", default="")
SAML_ENTITY_CATEGORIES = env.list("SAML_ENTITY_CATEGORIES", default=["https://refeds.org/category/personalized"])
SAML_CONTACT_EMAIL = env.str("SAML_CONTACT_EMAIL", default="")

# --- Language and time -----------------------------------------------------------------------------------------

LANGUAGE_CODE = "sv"
LANGUAGES = [("sv", _("Swedish")), ("en", _("English"))]
LANGUAGE_COOKIE_AGE = 60 * 60 * 24 * 365  # who has chosen a language keeps it
LANGUAGE_COOKIE_SAMESITE = "Lax"
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "Europe/Stockholm"
USE_TZ = True
FORMAT_MODULE_PATH = ["ladokflow.formats"]  # one way of writing days, in admin, too

# --- Static files ----------------------------------------------------------------------------------------------

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# In development the files come from where they stand: what an earlier `collectstatic` left behind is not looked at.
STATIC_ROOT = BASE_DIR / "staticfiles" if IS_PRODUCTION else None
WHITENOISE_USE_FINDERS = not IS_PRODUCTION
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if IS_PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# --- Guarding --------------------------------------------------------------------------------------------------

SECURE_HTTPS = env.bool("SECURE_HTTPS", default=IS_PRODUCTION)
SECURE_SSL_REDIRECT = SECURE_HTTPS
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
# Whose X-Forwarded-For is believed: addresses or networks of the proxies, the one in front of us and those before it.
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=["127.0.0.1", "::1"])
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
# Whether other hosts of the university's domain are https only is not ours to say (W005, W021).
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE_HTTPS
SESSION_COOKIE_AGE = 60 * 60 * 12
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# Whom to tell of a weakness: an e-mail address or a page, for /.well-known/security.txt.
SECURITY_CONTACT = env.str("SECURITY_CONTACT", default="")

# --- Watching ---------------------------------------------------------------------------------------------------

# Who sends it may read /metrics/; without one there is no such page.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
# Spans to where OpenTelemetry's own variables say; needs the packages of requirements-otel.lock.
OPENTELEMETRY = env.bool("OPENTELEMETRY", default=False)
LOG_FORMAT = env.str("LOG_FORMAT", default="text")
SENTRY_DSN = env.str("SENTRY_DSN", default="")

_faults = proxy_faults(TRUSTED_PROXIES)
_faults += federation_faults(
    oidc=(OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET),
    saml=(SAML_METADATA, SAML_METADATA_URL, SAML_MDQ_URL),
    certificate=SAML_METADATA_CERTIFICATE,
    discovery=SAML_DISCOVERY_URL,
    keys=SAML_KEYS,
)
_faults += days_faults({name: value for name, value in globals().items() if name.endswith("_DAYS")})
_faults += watching_faults(metrics_token=METRICS_TOKEN, opentelemetry=OPENTELEMETRY, log_format=LOG_FORMAT)
if sys.argv[1:2] != ["makekeys"]:
    _faults += key_faults(FIELD_ENCRYPTION_KEYS)
if IS_PRODUCTION:
    _faults += production_faults(
        debug=DEBUG, secret_key=SECRET_KEY, hosts=ALLOWED_HOSTS, origins=CSRF_TRUSTED_ORIGINS, https=SECURE_HTTPS
    )
if _faults:
    raise ImproperlyConfigured("LadokFlow does not start with these settings. " + " ".join(_faults))

# --- Logs: one line per event, ids only, never a name, a national id or a secret ---------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"context": {"()": logs.Context}},
    "formatters": {"line": logs.formatter(LOG_FORMAT)},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["context"]}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        name: {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO"), "propagate": False}
        for name in ("ladokflow", "sources", "exports", "django-q")
    },
}

if SENTRY_DSN:
    errors.start(SENTRY_DSN, ENVIRONMENT)
