"""What people type when they invite, join, or leave."""

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.invitations import MOST_DAYS, MOST_USES


class InvitationForm(forms.Form):
    name = forms.CharField(
        max_length=100, label=_("Name"), help_text=_("For you, to tell your links apart.")
    )
    most_uses = forms.IntegerField(
        min_value=1, max_value=MOST_USES, initial=10, label=_("For how many people")
    )
    days = forms.IntegerField(
        min_value=1, max_value=MOST_DAYS, initial=14, label=_("For how many days")
    )
    group = forms.CharField(
        required=False,
        max_length=100,
        label=_("Group"),
        help_text=_("Declared for everybody who comes by this link."),
    )


class NewAccountForm(forms.Form):
    """No account name is asked for, so none can be found to be taken."""

    called = forms.CharField(
        max_length=60,
        label=_("What may we call you?"),
        help_text=_("A nickname will do. Your account name is made from it."),
        widget=forms.TextInput(attrs={"autocomplete": "nickname"}),
    )
    password = forms.CharField(
        min_length=8,
        max_length=4096,
        strip=False,
        label=_("Password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class WithdrawForm(forms.Form):
    sure = forms.BooleanField(
        label=_("I understand that this can't be undone"),
        error_messages={"required": _("Tick the box to withdraw. Nothing was changed.")},
    )
