"""Where everything stands."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from django.views.i18n import set_language

from ladokflow.pages import errors
from ladokflow.pages.home import home
from ladokflow.pages.preferences import preferences
from sources.views.webhooks import webhook

urlpatterns = [
    path("", home, name="home"),
    path("flows/", include("sources.urls")),
    path("exports/", include("exports.urls")),
    path("sign-in/", errors.SignIn.as_view(), name="login"),
    path("sign-out/", LogoutView.as_view(), name="logout"),
    path("language/", set_language, name="set_language"),
    path("preferences/", preferences, name="preferences"),
    path("glossary/", errors.glossary, name="glossary"),
    path("webhooks/<slug:slug>/", webhook, name="webhook"),
    path("health/", errors.health, name="health"),
    path("admin/", admin.site.urls),
]
if not settings.IS_PRODUCTION:
    urlpatterns += [path("styleguide/", errors.styleguide, name="styleguide")]

handler404 = "ladokflow.pages.errors.not_found"
handler403 = "ladokflow.pages.errors.forbidden"
handler500 = "ladokflow.pages.errors.broken"
