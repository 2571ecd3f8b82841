"""Addresses of this app under the API's prefix."""

from django.urls import path

from accounts.api.session import Me, SignIn

api_urlpatterns = [
    path("auth/signin", SignIn.as_view(), name="auth-signin"),
    path("me", Me.as_view(), name="me"),
]
