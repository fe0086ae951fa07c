"""Where everything stands."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from django.utils.translation import gettext_lazy as _
from django.views.i18n import set_language

from ladokflow.admin_input import take_care
from ladokflow.api.app import api
from ladokflow.pages import manual
from ladokflow.pages.forms import AdminSignInForm
from ladokflow.pages.glossary import glossary
from ladokflow.pages.health import health
from ladokflow.pages.home import home
from ladokflow.pages.preferences import keep_list, preferences
from ladokflow.pages.search import search
from ladokflow.pages.sign_in import SignIn
from ladokflow.pages.student import extract, reveal, student
from ladokflow.pages.styleguide import styleguide
from ladokflow.pages.urls import flow_tabs
from sources.urls import urlpatterns as wizard
from sources.views.webhooks import webhook

urlpatterns = [
    path("", home, name="home"),
    path("flows/", include((flow_tabs + wizard, "flows"))),
    path("exports/", include("exports.urls")),
    path("search/", search, name="search"),
    path("students/<int:person_pk>/", student, name="student"),
    path("students/<int:person_pk>/national-id/", reveal, name="reveal"),
    path("students/<int:person_pk>/extract/", extract, name="extract"),
    path("sign-in/", SignIn.as_view(), name="login"),
    path("sign-out/", LogoutView.as_view(), name="logout"),
    path("language/", set_language, name="set_language"),
    path("preferences/", preferences, name="preferences"),
    path("preferences/list/", keep_list, name="keep_list"),
    path("glossary/", glossary, name="glossary"),
    path("help/", manual.index, name="manual"),
    path("help/<slug:topic>/", manual.page, name="manual_page"),
    path("webhooks/<slug:slug>/", webhook, name="webhook"),
    path("health/", health, name="health"),
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
]
admin.site.login_form = AdminSignInForm
admin.site.enable_nav_sidebar = False  # the columns of the lists need the room
admin.site.index_title = _("Administration")
take_care(admin.site)
if not settings.IS_PRODUCTION:
    urlpatterns += [path("styleguide/", styleguide, name="styleguide")]

handler404 = "ladokflow.pages.errors.not_found"
handler403 = "ladokflow.pages.errors.forbidden"
handler500 = "ladokflow.pages.errors.broken"
