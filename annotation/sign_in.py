"""Ways to sign in beside a password: a second factor (TOTP) and an organisation's own accounts
(OpenID Connect). django-allauth does both; here stand the rules of this house.
"""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.utils import perform_login
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from annotation.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody registers by a form; messages about signing in are left out."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Signing in speaks for itself."""


class ProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """An organisation's account becomes an account here if its verified address is in one of
    POLYPHONY_OIDC_DOMAINS; without domains only accounts that exist are let in.
    """

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        verified = [each.email for each in sociallogin.email_addresses if each.verified]
        domains = {address.rpartition("@")[2].lower() for address in verified}
        return bool(domains & {domain.lower() for domain in settings.OIDC_DOMAINS})


def sign_in(request: HttpRequest, user: User, *, going_to: str) -> HttpResponse:
    """Log in somebody whose password or link was right: at once, or after the second factor.

    The answer leads to `going_to`, or to the page that asks for a code.
    """
    user.backend = settings.AUTHENTICATION_BACKENDS[0]
    answer: HttpResponse = perform_login(
        request, user, email_verification="none", redirect_url=going_to
    )
    return answer


def single_sign_on() -> str:
    """What the organisation whose accounts are let in is called; empty without one."""
    apps = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"].get("APPS", [])
    return str(apps[0]["name"]) if apps else ""
