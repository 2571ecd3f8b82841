"""The URL table; each app lists its own routes in its `urls`."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from accounts.urls import api_urlpatterns as accounts_api
from robotsim_project import views
from robotsim_project.health import views as health
from robotsim_project.openapi.views import SchemaView, docs
from robotsim_project.telemetry import metrics
from simulations.urls import api_urlpatterns as simulations_api
from storage.urls import api_urlpatterns as storage_api
from templates.urls import api_urlpatterns as templates_api

api = [
    path("schema", SchemaView.as_view(), name="schema"),
    *accounts_api,
    *storage_api,
    *templates_api,
    *simulations_api,
]

urlpatterns = [
    path("", views.root, name="root"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("health/db", health.database, name="health-db"),
    path("health/redis", health.redis, name="health-redis"),
    path("health/storage", health.storage, name="health-storage"),
    path("metrics", metrics.metrics, name="metrics"),
    path("docs", docs, name="docs"),
    path("admin/", admin.site.urls),
    path(f"{settings.API_STR.strip('/')}/", include(api)),
    path("", include("accounts.urls")),
    path("", include("storage.urls")),
]

handler400 = "robotsim_project.views.bad_request"
handler403 = "robotsim_project.views.forbidden"
handler404 = "robotsim_project.views.not_found"
handler500 = "robotsim_project.views.server_error"
