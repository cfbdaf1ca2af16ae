"""Addresses of the sign-in library. Its pages for registering and for e-mail are not served."""

from allauth.account import views as account_views
from allauth.socialaccount import views as sso_views
from django.urls import include, path

from annotation.views import accounts

urlpatterns = [
    # Names the library looks for; the pages are this app's own.
    path("login/", accounts.log_in, name="account_login"),
    path("logout/", accounts.log_out, name="account_logout"),
    path("account/closed/", account_views.account_inactive, name="account_inactive"),
    path("account/confirm/", account_views.reauthenticate, name="account_reauthenticate"),
    path("account/security/", include("allauth.mfa.urls")),
    path("account/sso/stopped/", sso_views.login_cancelled, name="socialaccount_login_cancelled"),
    path("account/sso/failed/", sso_views.login_error, name="socialaccount_login_error"),
    path("account/sso/new/", sso_views.signup, name="socialaccount_signup"),
    path("account/sso/", include("allauth.socialaccount.providers.openid_connect.urls")),
]
