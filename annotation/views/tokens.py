"""A person's API tokens: made here, shown once, listed by their beginnings, revoked by a button."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from annotation import tokens
from annotation.models import ApiToken, Project, User
from annotation.views.entry import account, for_accounts

KEYS_USED = "token_form_keys"  # in the session
KEYS_REMEMBERED = 20


class TokenForm(forms.Form):
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    name = forms.CharField(
        max_length=100, label=_("Name"), help_text=_("What will use it, such as “night import”.")
    )
    scopes = forms.MultipleChoiceField(
        choices=tokens.Scope.choices,
        label=_("It may"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one thing the token may be used for.")},
    )
    project = forms.ModelChoiceField(
        Project.objects.none(), required=False, empty_label=_("All my projects"), label=_("Only in")
    )
    days = forms.TypedChoiceField(
        choices=[(7, _("7 days")), (30, _("30 days")), (90, _("90 days")), (366, _("a year"))],
        coerce=int,
        initial=90,
        label=_("It works for"),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["project"].queryset = Project.objects.seen_by(user).order_by("name")  # type: ignore[attr-defined]


@never_cache
@sensitive_variables("issued")
@require_http_methods(["GET", "HEAD", "POST"])
@for_accounts
def my_tokens(request: HttpRequest) -> HttpResponse:
    """The list and the form. The answer to a good form is the only page that shows the secret.

    The form carries a key, so that reloading that page doesn't make another token.
    """
    user = account(request)
    form = TokenForm(user, request.POST if request.method == "POST" else None)
    issued = None
    if form.is_bound and form.is_valid():
        if not _is_first_use(request, str(form.cleaned_data["key"])):
            return redirect("annotation:tokens")
        issued = _issue(user, form)
    context = {
        "form": TokenForm(user) if issued else form,
        "issued": issued,
        "usable": user.api_tokens.usable().select_related("project").order_by("-created_at"),
        "now": timezone.now(),
    }
    status = 422 if form.is_bound and issued is None else 200
    return render(request, "annotation/tokens.html", context, status=status)


def _is_first_use(request: HttpRequest, key: str) -> bool:
    used: list[str] = request.session.get(KEYS_USED, [])
    if key in used:
        return False
    request.session[KEYS_USED] = [*used, key][-KEYS_REMEMBERED:]
    return True


def _issue(user: User, form: TokenForm) -> tokens.Issued | None:
    wanted = form.cleaned_data
    try:
        return tokens.issue(
            user=user,
            name=wanted["name"],
            scopes=wanted["scopes"],
            project=wanted["project"],
            lifetime=timedelta(days=wanted["days"]),
        )
    except tokens.InvalidToken as error:
        form.add_error(None, str(error))
        return None


@require_POST
@for_accounts
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    tokens.revoke(get_object_or_404(ApiToken, pk=pk, user=account(request)))
    return redirect("annotation:tokens")
