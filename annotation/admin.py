"""The admin site: a window for whoever runs the server, not a way round the acts.

What is a record — judgments, exposures, assignments, profiles, guidelines, tokens — can be read and
never written here. People and memberships can be edited; projects and their content change through
pages, imports and commands, which keep the rules.
"""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest

from annotation import models, tokens

if TYPE_CHECKING:  # generic for the checker only
    AnyModelAdmin = admin.ModelAdmin[Any]
    AnyTabularInline = admin.TabularInline[Any, Any]
    AnyUserAdmin = UserAdmin[models.User]
else:
    AnyModelAdmin = admin.ModelAdmin
    AnyTabularInline = admin.TabularInline
    AnyUserAdmin = UserAdmin

admin.site.site_header = "Polyphony administration"
admin.site.site_title = "Polyphony"
# One door for passwords: the login page with its limits on guessing.
admin.site.login = login_required(admin.site.login)  # type: ignore[method-assign]


class ReadOnlyAdmin(AnyModelAdmin):
    """Lists and details; nothing to add, change or delete. Counting a large log is left out."""

    show_full_result_count = False
    list_per_page = 50
    actions: Any = None

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only the filters offered: an address can't ask a digest for its first letter."""
        return lookup.partition("__")[0] in self.list_filter

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(models.User)
class PolyphonyUserAdmin(AnyUserAdmin):
    """Accounts. Nobody registers; they are made here or by command."""


@admin.register(models.Membership)
class MembershipAdmin(AnyModelAdmin):
    list_display = ("user", "project", "role", "created_at")
    list_filter = ("role",)
    list_select_related = ("user", "project")
    search_fields = ("user__username", "project__slug")
    autocomplete_fields = ("user",)


@admin.register(models.ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Tokens by their beginnings; the digest is never shown. Revoking is all that can be done."""

    fields = (
        "user",
        "project",
        "name",
        "prefix",
        "scopes",
        "created_at",
        "expires_at",
        "revoked_at",
        "last_used_at",
    )
    list_display = ("name", "prefix", "user", "project", "expires_at", "revoked_at", "last_used_at")
    list_select_related = ("user", "project")
    search_fields = ("name", "prefix", "user__username")
    actions = ("revoke",)

    @admin.action(description="Revoke these tokens", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[models.ApiToken]) -> None:
        for token in queryset:
            tokens.revoke(token)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("annotation.change_apitoken")


@admin.register(models.Project)
class ProjectAdmin(ReadOnlyAdmin):
    list_display = ("slug", "name", "state", "judgment_type", "overlap", "is_simulated")
    list_filter = ("state", "judgment_type", "is_simulated")
    search_fields = ("slug", "name")


@admin.register(models.Guideline)
class GuidelineAdmin(ReadOnlyAdmin):
    list_display = ("project", "version", "created_at")
    list_select_related = ("project",)
    search_fields = ("project__slug",)
    exclude = ("html",)


@admin.register(models.Annotator)
class AnnotatorAdmin(ReadOnlyAdmin):
    list_display = ("external_id", "display_name", "project", "kind", "user", "paused_at")
    list_filter = ("kind",)
    list_select_related = ("project", "user")
    search_fields = ("external_id", "project__slug")


@admin.register(models.Profile)
class ProfileAdmin(ReadOnlyAdmin):
    list_display = ("annotator", "version", "created_at")
    list_select_related = ("annotator",)
    search_fields = ("annotator__external_id",)


@admin.register(models.System)
class SystemAdmin(ReadOnlyAdmin):
    list_display = ("name", "family", "project")
    list_select_related = ("project",)
    search_fields = ("name", "project__slug")


@admin.register(models.Prompt)
class PromptAdmin(ReadOnlyAdmin):
    list_display = ("external_id", "project", "created_at")
    list_select_related = ("project",)
    search_fields = ("external_id", "project__slug")
    exclude = ("html",)


@admin.register(models.Candidate)
class CandidateAdmin(ReadOnlyAdmin):
    list_display = ("external_id", "prompt", "system", "created_at")
    list_select_related = ("prompt", "system")
    search_fields = ("external_id", "prompt__external_id")
    exclude = ("html",)


@admin.register(models.Measurement)
class MeasurementAdmin(ReadOnlyAdmin):
    list_display = ("name", "source", "candidate", "number", "created_at")
    list_select_related = ("candidate",)
    search_fields = ("name", "source")


class ReadOnlyInline(AnyTabularInline):
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class CriterionInline(ReadOnlyInline):
    model = models.Criterion


@admin.register(models.Rubric)
class RubricAdmin(ReadOnlyAdmin):
    list_display = ("name", "version", "project", "prompt", "frozen_at")
    list_select_related = ("project", "prompt")
    search_fields = ("name", "project__slug")
    inlines = (CriterionInline,)


class PlacementInline(ReadOnlyInline):
    model = models.Placement

    def get_queryset(self, request: HttpRequest) -> QuerySet[models.Placement]:
        return super().get_queryset(request).select_related("candidate", "question")


@admin.register(models.Question)
class QuestionAdmin(ReadOnlyAdmin):
    list_display = ("external_id", "project", "judgment_type", "state", "priority", "overlap")
    list_filter = ("state", "judgment_type")
    list_select_related = ("project",)
    search_fields = ("external_id", "project__slug")
    inlines = (PlacementInline,)


@admin.register(models.Assignment)
class AssignmentAdmin(ReadOnlyAdmin):
    list_display = ("public_id", "question", "annotator", "state", "leased_at", "lease_until")
    list_filter = ("state",)
    list_select_related = ("question", "annotator")
    search_fields = ("=public_id", "annotator__external_id")


@admin.register(models.Exposure)
class ExposureAdmin(ReadOnlyAdmin):
    list_display = ("assignment", "sequence", "shown_order", "guideline", "shown_at")
    list_select_related = (
        "assignment__question",
        "assignment__annotator",
        "guideline__project",
    )


@admin.register(models.Judgment)
class JudgmentAdmin(ReadOnlyAdmin):
    list_display = (
        "position",
        "question",
        "annotator",
        "payload",
        "standing",
        "source",
        "created_at",
    )
    list_filter = ("standing", "source", "judgment_type")
    list_select_related = ("question", "annotator")
    search_fields = ("=public_id", "annotator__external_id", "question__external_id")
    ordering = ("-position",)
