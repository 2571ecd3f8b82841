"""Addresses of the templates, below the API's prefix."""

from django.urls import URLPattern
from rest_framework.routers import SimpleRouter

from templates.api.templates import TemplateViewSet

router = SimpleRouter(trailing_slash=False)
router.register("templates", TemplateViewSet, basename="template")

api_urlpatterns = router.urls
urlpatterns: list[URLPattern] = []
