"""Where everything stands."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from django.utils.translation import gettext_lazy as _
from django.views.generic import RedirectView
from django.views.i18n import set_language

from exports.views.statistics import statistics, statistics_file
from ladokflow.admin_input import take_care
from ladokflow.pages import invitation, manual, passwords, second_factor, university_sign_in
from ladokflow.pages.glossary import glossary
from ladokflow.pages.health import health
from ladokflow.pages.home import home
from ladokflow.pages.metrics import metrics
from ladokflow.pages.overview import overview
from ladokflow.pages.preferences import keep_list, preferences
from ladokflow.pages.search import search
from ladokflow.pages.security_txt import security_txt
from ladokflow.pages.sign_in import AdminSignIn, SignIn
from ladokflow.pages.student import extract, reveal, student
from ladokflow.pages.styleguide import styleguide
from ladokflow.pages.urls import flow_tabs
from sources.urls import urlpatterns as wizard
from sources.views.logs import logs
from sources.views.webhooks import webhook

admin.site.login = AdminSignIn.as_view()  # type: ignore[method-assign, assignment]
admin.site.password_change = RedirectView.as_view(pattern_name="password_change")  # type: ignore[method-assign, assignment]
urlpatterns = [
    path("", home, name="home"),
    path("flows/", include((flow_tabs + wizard, "flows"))),
    path("exports/", include("exports.urls")),
    path("statistics/", statistics, name="statistics"),
    path("statistics.<str:kind>", statistics_file, name="statistics_file"),
    path("logs/", logs, name="logs"),
    path("search/", search, name="search"),
    path("students/<int:person_pk>/", student, name="student"),
    path("students/<int:person_pk>/national-id/", reveal, name="reveal"),
    path("students/<int:person_pk>/extract/", extract, name="extract"),
    path("sign-in/", SignIn.as_view(), name="login"),
    path("sign-in/second-factor/", second_factor.second_factor, name="second_factor"),
    path("sign-in/forgotten/", passwords.forgotten, name="password_forgotten"),
    path("sign-in/forgotten/letter/", passwords.letter, name="password_letter"),
    path("sign-in/password/<uidb64>/<token>/", passwords.NewPassword.as_view(), name="password_new"),
    path("sign-in/invitation/", invitation.invitation, name="invitation"),
    path("sign-in/invitation/<str:secret>/", invitation.link, name="invitation_link"),
    path("sign-in/oidc/", university_sign_in.oidc_begin, name="oidc_begin"),
    path("sign-in/oidc/answer/", university_sign_in.oidc_answer, name="oidc_answer"),
    path("sign-in/saml/", university_sign_in.saml_begin, name="saml_begin"),
    path("sign-in/saml/chosen/", university_sign_in.saml_chosen, name="saml_chosen"),
    path("sign-in/saml/answer/", university_sign_in.saml_answer, name="saml_answer"),
    path("sign-in/saml/metadata/", university_sign_in.saml_metadata, name="saml_metadata"),
    path("sign-out/", LogoutView.as_view(), name="logout"),
    path("language/", set_language, name="set_language"),
    path("preferences/", preferences, name="preferences"),
    path("preferences/list/", keep_list, name="keep_list"),
    path("preferences/password/", passwords.change, name="password_change"),
    path("preferences/second-factor/", second_factor.factors, name="second_factors"),
    path("preferences/second-factor/codes/", second_factor.recovery_codes, name="recovery_codes"),
    path("preferences/second-factor/<int:pk>/remove/", second_factor.remove, name="second_factor_remove"),
    path("preferences/university/<int:pk>/leave/", university_sign_in.leave, name="identity_leave"),
    path("glossary/", glossary, name="glossary"),
    path("help/", manual.index, name="manual"),
    path("help/<slug:topic>/", manual.page, name="manual_page"),
    path("webhooks/<slug:slug>/", webhook, name="webhook"),
    path("health/", health, name="health"),
    path("metrics/", metrics, name="metrics"),
    path(".well-known/security.txt", security_txt, name="security_txt"),
    path("admin/overview/", overview, name="overview"),
    path("admin/", admin.site.urls),
]
admin.site.enable_nav_sidebar = False  # the columns of the lists need the room
admin.site.index_title = _("Administration")
take_care(admin.site)
if not settings.IS_PRODUCTION:
    urlpatterns += [path("styleguide/", styleguide, name="styleguide")]

handler404 = "ladokflow.pages.errors.not_found"
handler403 = "ladokflow.pages.errors.forbidden"
handler500 = "ladokflow.pages.errors.broken"
