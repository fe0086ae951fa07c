"""Where everything stands."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from django.views.i18n import set_language

from ladokflow import views
from sources.views.home import home
from sources.views.preferences import preferences
from sources.views.webhooks import webhook

urlpatterns = [
    path("", home, name="home"),
    path("flows/", include("sources.urls")),
    path("exports/", include("exports.urls")),
    path("sign-in/", views.SignIn.as_view(), name="login"),
    path("sign-out/", LogoutView.as_view(), name="logout"),
    path("language/", set_language, name="set_language"),
    path("preferences/", preferences, name="preferences"),
    path("glossary/", views.glossary, name="glossary"),
    path("webhooks/<slug:slug>/", webhook, name="webhook"),
    path("health/", views.health, name="health"),
    path("admin/", admin.site.urls),
]
if not settings.IS_PRODUCTION:
    urlpatterns += [path("styleguide/", views.styleguide, name="styleguide")]

handler404 = "ladokflow.views.not_found"
handler403 = "ladokflow.views.forbidden"
handler500 = "ladokflow.views.broken"
