"""Django settings of robotsim.

Each value that an operator may change comes from `environment`; the names are in docs/configuration.md.
"""

from datetime import timedelta

import django_stubs_ext
from django.utils.translation import gettext_lazy as _

from robotsim_project import formats
from robotsim_project.content_policy import content_policy
from robotsim_project.databases import database
from robotsim_project.environment import (
    BASE_DIR,
    boolean,
    debug_pages,
    env,
    folder,
    integer,
    number,
    own_names,
    private_socket,
    require_services,
    secret_key,
    text,
    texts,
    version,
)
from robotsim_project.openapi.settings import spectacular
from robotsim_project.run_settings import *  # noqa: F403  what Django reads here
from robotsim_project.telemetry import logs

# Lets classes name what they hold, such as `ModelAdmin[User]`, at run time too.
django_stubs_ext.monkeypatch()

ENVIRONMENT = text(
    "ENVIRONMENT", "development", formats.one_of("development", "test", "production")
)
PRODUCTION = ENVIRONMENT == "production"
VERSION = version()
DEBUG = debug_pages(production=PRODUCTION)
DATA_DIR = folder("DATA_DIR", BASE_DIR / "data")
SECRET_KEY = secret_key(DATA_DIR, production=PRODUCTION)
SERVER_URL = text(
    "SERVER_URL", "http://127.0.0.1:8000", formats.url("http://robot-backend-service:8000")
).rstrip("/")
# Any other name may be that of a page whose scripts want to read this server's answers (DNS rebinding).
# Its own names always, as units, probes and jobs of this machine use them.
_names = own_names(SERVER_URL)
ALLOWED_HOSTS = list({*_names, *texts("ALLOWED_HOSTS", _names, formats.SERVED_HOSTS)})
CSRF_TRUSTED_ORIGINS = texts("CSRF_TRUSTED_ORIGINS", [], formats.ORIGINS)
if PRODUCTION:
    require_services()

INSTALLED_APPS = [
    "common",  # first, so that its templates replace those of Django's admin
    "auditlog",
    "axes",
    "robotsim_project.console.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_filters",
    "django_structlog",
    "django_tasks",
    "django_tasks_db",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "accounts",
    "storage",
    "templates",
    "simulations",
    "backups",
    "robotsim_project",
]

MIDDLEWARE = [
    "robotsim_project.health.views.probes",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "robotsim_project.telemetry.request_log.request_ids",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "robotsim_project.middleware.early.early_answers",
    "corsheaders.middleware.CorsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "accounts.middleware.IdleSessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.remember_request",
    "accounts.middleware.apply_preferences",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "robotsim_project.telemetry.request_log.RequestLog",
    "axes.middleware.AxesMiddleware",
    "robotsim_project.telemetry.http_metrics.HttpMetrics",
]

ROOT_URLCONF = "robotsim_project.urls"
WSGI_APPLICATION = "robotsim_project.wsgi.application"
ASGI_APPLICATION = "robotsim_project.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Empty on purpose: the folder `templates/` is a Django app, its sources are not pages.
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASE_MAY_BE_NEWER = boolean("DATABASE_MAY_BE_NEWER", default=False)
DATABASES = {
    "default": database(
        env.str("DATABASE_URL", f"sqlite:///{DATA_DIR / 'robotsim.sqlite3'}"),
        pool=integer("DATABASE_POOL", 20, min=1, max=500),
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = text(
    "REDIS_URL",
    f"unix://{private_socket(DATA_DIR, 'redis.sock')}",
    formats.url("redis://:password@redis-service:6379/0", "redis", "rediss", "unix"),
)
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "robotsim",
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 2, "SOCKET_TIMEOUT": 5},
    },
    # For /health/redis only: a probe must give up soon.
    "health": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 1, "SOCKET_TIMEOUT": 1},
    },
}

# Rosbags: S3 where an endpoint is named, a folder otherwise.
MINIO_ENDPOINT = text("MINIO_ENDPOINT", "", formats.ENDPOINT)
MINIO_PUBLIC_ENDPOINT = text("MINIO_PUBLIC_ENDPOINT", "", formats.ENDPOINT) or MINIO_ENDPOINT
MINIO_ACCESS_KEY = env.str("MINIO_ACCESS_KEY", "")
MINIO_SECRET_KEY = env.str("MINIO_SECRET_KEY", "")
MINIO_BUCKET = text("MINIO_BUCKET", "robot-sim", formats.BUCKET)
MINIO_USE_SSL = boolean("MINIO_USE_SSL", default=False)
STORAGE_DIR = folder("STORAGE_DIR", DATA_DIR / "storage")
CONTENT_SECURITY_POLICY = content_policy(MINIO_PUBLIC_ENDPOINT, use_ssl=MINIO_USE_SSL)

# Backups: by default beside MinIO's own bucket; a folder where there is no S3 server.
BACKUP_ENDPOINT = text("BACKUP_ENDPOINT", "", formats.ENDPOINT) or MINIO_ENDPOINT
BACKUP_ACCESS_KEY = env.str("BACKUP_ACCESS_KEY", "") or MINIO_ACCESS_KEY
BACKUP_SECRET_KEY = env.str("BACKUP_SECRET_KEY", "") or MINIO_SECRET_KEY
BACKUP_BUCKET = text("BACKUP_BUCKET", "robot-sim-backup", formats.BUCKET)
BACKUP_USE_SSL = boolean("BACKUP_USE_SSL", default=MINIO_USE_SSL)
BACKUP_DIR = folder("BACKUP_DIR", DATA_DIR / "backup")
BACKUP_KEEP_DAYS = integer("BACKUP_KEEP_DAYS", 30, min=1, max=36500)

SIGNED_URL_SECONDS = integer("SIGNED_URL_SECONDS", 3600, min=10, max=604800)
UPLOAD_FORM_BYTES = integer("UPLOAD_FORM_BYTES", 100 * 2**20, min=2**20, max=10 * 2**30)
BODY_SECONDS = number("BODY_SECONDS", 20, min=1, max=3600)
# Ten thousand files with checksums and long names, as POST /uploads announces them.
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 2**20
# The files of a bundle (rosbag2.budget.MAX_FILES) and its metadata.yaml: one limit at every door.
DATA_UPLOAD_MAX_NUMBER_FILES = 10_001
# A form with more stages than a simulation may have is refused in words, not by its number of fields.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000
UPLOAD_PART_BYTES = integer("UPLOAD_PART_BYTES", 16 * 2**20, min=5 * 2**20, max=5 * 2**30)

BAG_CACHE_BYTES = integer("BAG_CACHE_BYTES", 10 * 2**30, min=2**20, max=2**50)
EXPORT_BYTES = integer("EXPORT_BYTES", 50 * 2**30, min=2**20, max=2**50)
# Pages of other origins may read signed addresses, without credentials: the address is the right.
CORS_ALLOWED_ORIGINS = texts("CORS_ALLOWED_ORIGINS", [], formats.ORIGINS_OR_ANY)
CORS_ALLOW_ALL_ORIGINS = "*" in CORS_ALLOWED_ORIGINS
CORS_URLS_REGEX = r"^/storage/objects/"
CORS_ALLOW_METHODS = ["GET", "HEAD"]
CORS_ALLOW_HEADERS = ["Range", "If-Range", "If-None-Match", "If-Match"]
CORS_EXPOSE_HEADERS = (
    "Content-Range Content-Length Content-Disposition ETag Accept-Ranges".split()  # noqa: SIM905
)
CORS_PREFLIGHT_MAX_AGE = 600
# Viewer of MCAP files that the page of a rosbag offers; empty: none.
FOXGLOVE_URL = text(
    "FOXGLOVE_URL",
    "https://app.foxglove.dev/~/view",
    formats.optional(formats.url("https://viewer.example.org/")),
)

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default"]}}
TASK_LEASE_SECONDS = number("TASK_LEASE_SECONDS", 6, min=1, max=86400)

AUTH_USER_MODEL = "accounts.User"
LOGIN_REDIRECT_URL = "admin:index"
AUTHENTICATION_BACKENDS = ["accounts.permissions.RoleBackend"]
if ENVIRONMENT == "test":  # a good hash takes a second: too long where each test makes users
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# Who may come in, and how often one may try.
SIGN_UP = boolean("SIGN_UP", default=not PRODUCTION)
SIGN_UP_ROLE = text("SIGN_UP_ROLE", "viewer", formats.one_of("viewer", "operator"))
REFRESH_TOKEN_EXPIRE_MINUTES = number("REFRESH_TOKEN_EXPIRE_MINUTES", 43200, min=1, max=525600)
REFRESH_TOKEN_IDLE_MINUTES = number("REFRESH_TOKEN_IDLE_MINUTES", 10080, min=1, max=525600)
REFRESH_TOKEN_GRACE_SECONDS = number("REFRESH_TOKEN_GRACE_SECONDS", 10, min=0, max=300)
SESSION_COOKIE_AGE = int(60 * number("SESSION_IDLE_MINUTES", 480, min=1, max=43200))
TRUSTED_PROXIES = integer("TRUSTED_PROXIES", 0, min=0, max=10)
CALLER_RATES: dict[str, str | None] = {
    "sign_in": text("SIGN_IN_RATE", "30/minute", formats.RATE),
    "sign_up": text("SIGN_UP_RATE", "20/hour", formats.RATE),
    "refresh": text("REFRESH_RATE", "300/minute", formats.RATE),
    "password_reset": text("PASSWORD_RESET_RATE", "10/hour", formats.RATE),
}
if ENVIRONMENT == "test":  # all tests come from one address
    CALLER_RATES = dict.fromkeys(CALLER_RATES)
AXES_FAILURE_LIMIT = integer("LOCK_AFTER_FAILURES", 5, min=1, max=1000)
AXES_COOLOFF_TIME = timedelta(minutes=number("LOCK_MINUTES", 15, min=0.1, max=10080))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # who waits gets in, whoever tries meanwhile
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False  # accounts.admin has the locks
AXES_VERBOSE = False
AXES_USERNAME_FORM_FIELD = "username"
AXES_USERNAME_CALLABLE = "accounts.services.callers.attempted_username"
AXES_CLIENT_IP_CALLABLE = "accounts.services.callers.client_network"
AXES_LOCKOUT_CALLABLE = "accounts.views.locked_page"

# Mail, for password resets only.
EMAIL_HOST = text("EMAIL_HOST", "", formats.HOST)
EMAIL_PORT = integer("EMAIL_PORT", 587, min=1, max=65535)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", "")
EMAIL_SECURITY = text("EMAIL_SECURITY", "starttls", formats.one_of("none", "starttls", "tls"))
EMAIL_USE_TLS = EMAIL_SECURITY == "starttls"
EMAIL_USE_SSL = EMAIL_SECURITY == "tls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = text("DEFAULT_FROM_EMAIL", "robotsim@localhost", formats.MAIL_ADDRESS)
# Without a mail server the mail is printed, but a log in production is no place for a secret link.
EMAIL_BACKEND = "django.core.mail.backends." + (
    "smtp.EmailBackend"
    if EMAIL_HOST
    else "dummy.EmailBackend"
    if PRODUCTION
    else "console.EmailBackend"
)
PASSWORD_RESET_TIMEOUT = 60 * integer("PASSWORD_RESET_MINUTES", 60, min=1, max=10080)

# Who changed what. Fields that only the system writes are left out.
AUDITLOG_INCLUDE_TRACKING_MODELS = (
    {"model": "accounts.User", "exclude_fields": ["password", "last_login", "preferences"]},
    {"model": "accounts.ApiToken", "exclude_fields": ["digest", "last_used_at"]},
    {"model": "storage.Rosbag", "include_fields": ["name", "status", "deleted_at"]},
    "templates.Template",
    {
        "model": "simulations.Mec",
        "exclude_fields": ["last_test", "last_tested_at", "last_tested_by"],
    },
    # Stages are told with their simulation: they are replaced all at once.
    {"model": "simulations.Simulation", "exclude_fields": ["latest_execution", "updated_at"]},
)

API_STR = text("API_STR", "/api/v1", formats.API_PATH)
ACCESS_TABLE = "robotsim_project.access.TABLE"
CONSOLE_ACCESS_TABLE = "robotsim_project.access.CONSOLE"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.RolePermission"],
    "DEFAULT_FILTER_BACKENDS": [
        "common.rest.filters.FilterBackend",
        "common.rest.filters.SearchBackend",
        "common.rest.filters.OrderingBackend",
    ],
    "DEFAULT_PAGINATION_CLASS": "common.rest.pagination.NewestFirst",
    "DEFAULT_PARSER_CLASSES": ["common.rest.parsers.BoundedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["common.rest.renderers.QuickJSON"],
    "DEFAULT_SCHEMA_CLASS": "robotsim_project.openapi.schema.ApiSchema",
    "EXCEPTION_HANDLER": "common.rest.errors.exception_handler",
    "PAGE_SIZE": 50,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = spectacular(API_STR, VERSION)
SIMPLE_JWT = {
    "ALGORITHM": text("ALGORITHM", "HS256", formats.one_of("HS256", "HS384", "HS512")),
    "ACCESS_TOKEN_LIFETIME": timedelta(
        minutes=number("ACCESS_TOKEN_EXPIRE_MINUTES", 30, min=1, max=1440)
    ),
    "SIGNING_KEY": SECRET_KEY,
    "AUDIENCE": "robotsim",
    "ISSUER": "robotsim",
    "UPDATE_LAST_LOGIN": False,
    # A changed password ends the tokens that were got with the old one.
    "CHECK_REVOKE_TOKEN": True,
}

# How a run behaves; the rules are in docs/architecture.md.
PASSWORD_RESET_URL = text(
    "PASSWORD_RESET_URL",
    f"{SERVER_URL}/password/reset/{{uid}}/{{token}}",
    formats.url("https://sim.example.org/password/reset/{uid}/{token}"),
)

# The processes themselves.
ALIVE_FILE = text("ALIVE_FILE", "", formats.FILE)
WEB_PORT = integer("WEB_PORT", 8000, min=1, max=65535)
WEB_WORKERS = integer("WEB_WORKERS", 2, min=1, max=64)
WEB_THREADS = integer("WEB_THREADS", 8, min=1, max=256)

# Watchers of executions.
STREAM_HEARTBEAT_SECONDS = number("STREAM_HEARTBEAT_SECONDS", 15, min=0.1, max=300)
STREAM_STALL_SECONDS = number("STREAM_STALL_SECONDS", 30, min=0.1, max=600)
STREAM_WATCHERS = integer("STREAM_WATCHERS", 2000, min=1, max=100_000)

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ko", _("Korean"))]
FORMAT_MODULE_PATH = "common.formats"
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = text("TIME_ZONE", "UTC", formats.TIME_ZONE)
USE_TZ = True

STATIC_URL = "/static/"
# Production serves what `collectstatic` has gathered; elsewhere files are found where the packages keep them.
STATIC_ROOT = BASE_DIR / "staticfiles" if PRODUCTION else None
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = False

X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_HTTPONLY = True
HTTPS = boolean("HTTPS", default=PRODUCTION)
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
# Inside the cluster units, probes and Prometheus speak plain HTTP to the server.
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$", rf"^{API_STR.strip('/')}/units/"]

# Watching the system itself; see docs/observing.md.
METRICS_TOKEN = text("METRICS_TOKEN", "", formats.TOKEN)
SENTRY_DSN = text("SENTRY_DSN", "", formats.DSN)
OTEL_EXPORTER_OTLP_ENDPOINT = text(
    "OTEL_EXPORTER_OTLP_ENDPOINT", "", formats.url("http://collector:4318")
)
OTEL_SERVICE_NAME = env.str("OTEL_SERVICE_NAME", "")
PROMETHEUS_MULTIPROC_DIR = text("PROMETHEUS_MULTIPROC_DIR", "", formats.WRITABLE_FOLDER)

DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = True  # request_log.request_ids has looked at it
logs.configure()
LOGGING = logs.config(
    text("LOG_LEVEL", "INFO", formats.LOG_LEVEL),
    text("REQUEST_LOG_LEVEL", "WARNING", formats.LOG_LEVEL),
)
