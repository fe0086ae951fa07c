"""Accounts, for superusers. A right comes from a membership: Django's groups and permissions are nowhere."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangosUserAdmin
from django.contrib.auth.forms import UsernameField
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from ladokflow.addresses import address_of
from ladokflow.messages import Refused
from sources.admin.base import OurAdmin
from sources.admin.recording import changed_fields
from sources.identity import accounts, second_factors

admin.site.unregister([Group, User])
ACCESS = ("is_active", "is_staff", "is_superuser")


class UserForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("username", "first_name", "last_name", "email", *ACCESS)
        field_classes = {"username": UsernameField}

    def clean(self) -> dict[str, Any]:
        """One who runs LadokFlow is always left, also where two take the right from each other in the same moment."""
        cleaned = super().clean() or self.cleaned_data
        is_one = all(cleaned.get(name, getattr(self.instance, name)) for name in ("is_active", "is_superuser"))
        if self.instance.pk and not is_one:
            operators = User.objects.select_for_update().filter(is_active=True, is_superuser=True).order_by("pk")
            if {user.pk for user in operators} <= {self.instance.pk}:
                raise ValidationError(_("This is the last superuser: make somebody else one first."))
        return cleaned


class NewUserForm(UserForm):
    """Without a password: the person chooses one, by a letter."""

    email = User._meta.get_field("email").formfield(required=True)

    def save(self, commit: bool = True) -> Any:
        self.instance.set_unusable_password()
        return super().save(commit)


@admin.register(User)
class UserAdmin(OurAdmin, DjangosUserAdmin):
    form = UserForm
    add_form = NewUserForm
    add_form_template = None
    change_form_template = "admin/auth/user/change_form.html"
    list_display = ("username", "first_name", "last_name", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "has_password")}),
        (_("Person"), {"fields": ("first_name", "last_name", "email")}),
        (_("Access"), {"fields": ACCESS}),
        (_("Times"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "email", "first_name", "last_name")}),)
    actions = ("remove_second_factors",)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        told = ("has_password", "last_login", "date_joined")
        return (*ACCESS, *told) if obj is not None and obj.pk == request.user.pk else told

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody shuts themselves out."""
        return super().has_delete_permission(request, obj) and not (obj is not None and obj.pk == request.user.pk)

    @admin.display(description=_("password"))
    def has_password(self, user: User) -> str:
        return gettext("Has one") if user.has_usable_password() else gettext("Has none")

    # --- Saving

    def save_model(self, request: HttpRequest, obj: User, form: UserForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.changed_data:
            fields = changed_fields(form)
            accounts.has_changed(obj, form.changed_data, fields, by=request.user, address=address_of(request))

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        accounts.is_removed(obj, by=request.user, address=address_of(request))
        super().delete_model(request, obj)

    # --- Passwords and second factors

    def get_urls(self) -> list[Any]:
        """Without Django's page on which a password is typed for somebody else."""
        view = self.admin_site.admin_view(require_POST(self.letter_view))
        letter = path("<path:object_id>/password-letter/", view, name="auth_user_password_letter")
        return [letter, *super(DjangosUserAdmin, self).get_urls()]

    def letter_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user = self.get_object(request, object_id)
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        if user is None:
            raise Http404
        try:
            accounts.send_password_letter(user, by=request.user, address=address_of(request))
        except Refused as refused:
            messages.error(request, str(refused.message))
        else:
            messages.success(request, gettext("The letter is on its way. Its link is good for an hour."))
        return HttpResponseRedirect(reverse("admin:auth_user_change", args=[user.pk]))

    @admin.action(description=_("Remove all second factors: the person has lost them"), permissions=["change"])
    def remove_second_factors(self, request: HttpRequest, queryset: Any) -> None:
        who: dict[str, Any] = {"by": request.user, "address": address_of(request)}
        count = sum(second_factors.remove_all(user, **who) for user in queryset)
        text = ngettext("%(count)s second factor is removed.", "%(count)s second factors are removed.", count)
        messages.success(request, text % {"count": count})
