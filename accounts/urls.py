"""URLs of this app; those of the API are below its prefix."""

from django.urls import path, re_path
from rest_framework.routers import SimpleRouter

from accounts.api import me, passwords, sign_in
from accounts.api.audit import AuditViewSet
from accounts.api.users import Roles, TokenViewSet, UserViewSet
from accounts.views import ResetPage, switch_language

router = SimpleRouter(trailing_slash=False)
router.register("users", UserViewSet, basename="user")
router.register("tokens", TokenViewSet, basename="token")
router.register("audit", AuditViewSet, basename="audit")

api_urlpatterns = [
    path("i18n/setlang/", switch_language, name="set_language"),
    path("auth/signup", sign_in.SignUp.as_view(), name="auth-signup"),
    path("auth/signin", sign_in.SignIn.as_view(), name="auth-signin"),
    path("auth/refresh", sign_in.Refresh.as_view(), name="auth-refresh"),
    path("auth/logout", sign_in.SignOut.as_view(), name="auth-logout"),
    path("auth/verify", sign_in.Verify.as_view(), name="auth-verify"),
    path("auth/password/change", passwords.PasswordChange.as_view(), name="auth-password-change"),
    path("auth/password/reset", passwords.PasswordReset.as_view(), name="auth-password-reset"),
    path(
        "auth/password/reset/confirm",
        passwords.PasswordResetConfirm.as_view(),
        name="auth-password-reset-confirm",
    ),
    path("me", me.Me.as_view(), name="me"),
    path("me/sessions", me.MySessions.as_view(), name="me-sessions"),
    path("me/sessions/<slug:name>", me.MySession.as_view(), name="me-session"),
    path("me/tokens", me.MyTokens.as_view(), name="me-tokens"),
    re_path(r"^me/tokens/(?P<pk>[0-9]{1,18})$", me.MyToken.as_view(), name="me-token"),
    path("roles", Roles.as_view(), name="roles"),
    *router.urls,
]
urlpatterns = [
    path("i18n/setlang/", switch_language, name="set_language"),
    path(
        "password/reset/<str:uidb64>/<str:token>", ResetPage.as_view(), name="password-reset-page"
    ),
]
