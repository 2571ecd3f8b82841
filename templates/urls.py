"""URLs of the templates, below the API's prefix."""

from rest_framework.routers import SimpleRouter

from templates.api.templates import TemplateViewSet

router = SimpleRouter(trailing_slash=False)
router.register("templates", TemplateViewSet, basename="template")

api_urlpatterns = router.urls
