"""Logging in and out. Nobody can register here: accounts are made by whoever runs the server."""

from django.contrib.auth import authenticate, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from annotation import attempts, login_links
from annotation.forms import LoginForm
from annotation.models import User
from annotation.sign_in import sign_in, single_sign_on

REFUSED = gettext_lazy("This name and password don't belong together. Check both and try again.")


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    going_to = _safe_next(request)
    if request.method != "POST":
        if request.user.is_authenticated:
            return redirect(going_to)
        return render(
            request,
            "annotation/login.html",
            {"form": LoginForm(), "next": going_to, "sso": single_sign_on()},
        )
    form = LoginForm(request.POST)
    user, refusal, status = _try(request, form) if form.is_valid() else (None, str(REFUSED), 422)
    if user is not None:
        return sign_in(request, user, going_to=going_to)
    context = {"form": form, "next": going_to, "refusal": refusal, "sso": single_sign_on()}
    return render(request, "annotation/login.html", context, status=status)


def _try(request: HttpRequest, form: LoginForm) -> tuple[User | None, str, int]:
    """Whose name and password these are; for nobody's, the sentence to show and the status."""
    name, password = form.cleaned_data["username"], form.cleaned_data["password"]
    address = attempts.address_of(request)
    doors = (
        (attempts.LOGIN_BY_ADDRESS_AND_NAME, f"{address} {name.lower()}"),
        (attempts.LOGIN_BY_ADDRESS, address),
        (attempts.LOGIN_BY_NAME, name.lower()),
    )
    wait = max(attempts.wait_for(door, who) for door, who in doors)
    if wait > 0:
        return None, _wait_sentence(wait), 429
    user = authenticate(request, username=name, password=password)
    if user is None:
        for door, who in doors:
            attempts.record_failure(door, who)
        return None, str(REFUSED), 422
    attempts.forget(*doors[0])
    assert isinstance(user, User)
    return user, "", 200


def _wait_sentence(seconds: float) -> str:
    minutes = max(1, round(seconds / 60 + 0.5))
    return ngettext(
        "Too many tries. Wait about %(minutes)s minute, then try again; nothing else is affected.",
        "Too many tries. Wait about %(minutes)s minutes, then try again; nothing else is affected.",
        minutes,
    ) % {"minutes": minutes}


def _safe_next(request: HttpRequest) -> str:
    """Where to go after logging in; never to another site."""
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    allowed = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if allowed else "/"


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("annotation:login")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def log_in_once(request: HttpRequest, token: str) -> HttpResponse:
    """Opening the link only asks; the button uses it up, so a link preview can't."""
    if request.method != "POST":
        return render(request, "annotation/login_once.html")
    address = attempts.address_of(request)
    wait = attempts.wait_for(attempts.LOGIN_LINK, address)
    if wait > 0:
        context = {"refusal": _wait_sentence(wait)}
        return render(request, "annotation/login_once.html", context, status=429)
    try:
        user = login_links.redeem(token)
    except login_links.LinkSpent as error:
        attempts.record_failure(attempts.LOGIN_LINK, address)
        context = {"refusal": str(error)}
        return render(request, "annotation/login_once.html", context, status=410)
    return sign_in(request, user, going_to="/")
