"""URLs of the storage app: `api_urlpatterns` below the API's prefix, `urlpatterns` at the root."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from storage.api.exports import ExportViewSet
from storage.api.objects import ObjectView
from storage.api.rosbags import RosbagViewSet
from storage.api.uploads import UploadViewSet

router = SimpleRouter(trailing_slash=False)
router.register("uploads", UploadViewSet, basename="upload")
router.register("exports", ExportViewSet, basename="export")
router.register("rosbags", RosbagViewSet, basename="rosbag")

api_urlpatterns = router.urls
urlpatterns = [path("storage/objects/<str:token>", ObjectView.as_view(), name="storage-object")]
