"""The one settings file: every knob is an environment variable, read loudly (docs/configuration.md)."""

from pathlib import Path

from chimera import environment as env

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = env.path("CHIMERA_DATA_DIR", BASE_DIR / ".data")

SECRET_KEY = env.text("CHIMERA_SECRET_KEY", "unsafe-for-tests-only")
DEBUG = env.boolean("CHIMERA_DEBUG", False)
ALLOWED_HOSTS = env.text("CHIMERA_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1],testserver").split(",")
CSRF_TRUSTED_ORIGINS = [origin for origin in env.text("CHIMERA_TRUSTED_ORIGINS", "").split(",") if origin]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "channels",
    "django_htmx",
    "treebeard",
    "chimera.projects",
    "chimera.webhooks",
    "chimera.jobs",
    "curriculum_app",
    "training_app",
    "eval_app",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "chimera.projects.middleware.CurrentProjectMiddleware",
]

ROOT_URLCONF = "chimera.urls"
ASGI_APPLICATION = "chimera.asgi.application"

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
                "chimera.projects.context_processors.current_project",
            ],
        },
    },
]

DATABASES = {"default": env.database(env.text("DATABASE_URL", "postgresql://chimera@localhost:5432/chimera"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.text("REDIS_URL", "redis://localhost:6379/0")
REDIS_PREFIX = env.text("CHIMERA_REDIS_PREFIX", "chimera")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": REDIS_PREFIX},
    },
}

CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1) if REDIS_URL.startswith("unix:") else REDIS_URL
LEASE_SECONDS = env.integer("CHIMERA_LEASE_SECONDS", 30)
HEARTBEAT_SECONDS = env.integer("CHIMERA_HEARTBEAT_SECONDS", 5)
STUCK_SECONDS = env.seconds_by_name("CHIMERA_STUCK_SECONDS", "600")
SCRATCH_DAYS = env.integer("CHIMERA_SCRATCH_DAYS", 14)
WEBHOOK_PRIVATE = env.boolean("CHIMERA_WEBHOOK_PRIVATE", False)
SWEEP_SECONDS = env.integer("CHIMERA_SWEEP_SECONDS", 10)

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "chimera.static_files.PlotlyFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MAX_UPLOAD_BYTES = env.integer("CHIMERA_MAX_UPLOAD_BYTES", 512 * 1024 * 1024)

SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.boolean("CHIMERA_HTTPS", False)
X_FRAME_OPTIONS = "DENY"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.text("CHIMERA_LOG_LEVEL", "WARNING")},
}
