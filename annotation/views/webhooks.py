"""Webhooks of a project: the list, one with its letters, and the buttons on it."""

from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation import tasks
from annotation.access import MANAGERS
from annotation.models import Delivery, Project, Role, Webhook
from annotation.views.entry import account, for_members
from annotation.webhooks import managing
from annotation.webhooks.events import Event
from annotation.webhooks.forms import WebhookForm

LETTERS_SHOWN = 50


@require_http_methods(["GET", "HEAD", "POST"])
@for_members(*MANAGERS)
def webhooks(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    form = WebhookForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        made = _add(request, project, form)
        if made is not None:
            return redirect("annotation:webhook", project.slug, made.public_id)
    waiting = Count("deliveries", filter=Q(deliveries__state__in=("queued", "running")))
    context = {
        "project": project,
        "role": role,
        "form": form,
        "listed": [
            (each, _told_of(each))
            for each in project.webhooks.annotate(waiting=waiting).order_by("pk")
        ],
    }
    status = 422 if form.is_bound else 200
    return render(request, "annotation/webhooks.html", context, status=status)


def _told_of(webhook: Webhook) -> list[tuple[str, str]]:
    """A webhook's events by their names, in words."""
    words = dict(Event.choices)
    return [(name, str(words.get(name, name))) for name in webhook.events]


def _add(request: HttpRequest, project: Project, form: WebhookForm) -> Webhook | None:
    try:
        return managing.add_webhook(
            project=project,
            url=form.cleaned_data["url"],
            events=form.cleaned_data["events"],
            created_by=account(request),
        )
    except managing.InvalidWebhook as error:
        form.add_error(None, str(error))
        return None


@never_cache
@require_safe
@for_members(*MANAGERS)
def webhook(request: HttpRequest, project: Project, role: Role, public_id: UUID) -> HttpResponse:
    found = get_object_or_404(Webhook, project=project, public_id=public_id)
    context = {
        "project": project,
        "role": role,
        "webhook": found,
        "told_of": _told_of(found),
        "secret": managing.secret(found),
        "letters": found.deliveries.order_by("-pk")[:LETTERS_SHOWN],
        "shown": LETTERS_SHOWN,
        "total": found.deliveries.count(),
    }
    return render(request, "annotation/webhook.html", context)


@require_POST
@for_members(*MANAGERS)
def change_webhook(
    request: HttpRequest, project: Project, role: Role, public_id: UUID
) -> HttpResponse:
    """One of the buttons: ping, pause, resume, another secret, remove."""
    found = get_object_or_404(Webhook, project=project, public_id=public_id)
    wanted = request.POST.get("do", "")
    if wanted == "remove":
        found.delete()
        messages.success(request, _("The webhook was removed. Nothing more is sent there."))
        return redirect("annotation:webhooks", project.slug)
    if wanted == "ping":
        managing.ping(found)
        tasks.wake(found.pk)
        messages.success(request, _("A test letter is on its way. Reload to see what came back."))
    elif wanted == "pause":
        managing.pause(found, _("Paused by {name}.").format(name=account(request).username))
    elif wanted == "resume":
        managing.resume(found)
        tasks.wake(found.pk)
    elif wanted == "secret":
        managing.change_secret(found)
        messages.success(request, _("Letters are signed with the new secret from now on."))
    else:
        messages.error(request, _("That button is not known here. Reload the page."))
    return redirect("annotation:webhook", project.slug, public_id)


@require_POST
@for_members(*MANAGERS)
def send_again(request: HttpRequest, project: Project, role: Role, public_id: UUID) -> HttpResponse:
    found = get_object_or_404(
        Delivery.objects.select_related("webhook"), webhook__project=project, public_id=public_id
    )
    try:
        managing.send_again(found)
    except managing.InvalidWebhook as error:
        messages.error(request, str(error))
    else:
        tasks.wake(found.webhook_id)
        messages.success(request, _("The letter is on its way again, under a new id."))
    return redirect("annotation:webhook", project.slug, found.webhook.public_id)
