from django.urls import path

from sources.views import adoption, exam_list, rules, wizard, wizard_settings

urlpatterns = [
    path("new/", wizard.choose_source, name="new"),
    path("new/<slug:slug>/", wizard.choose_way, name="way"),
    path("new/<slug:slug>/list/", wizard.choose_from_list, name="from_list"),
    path("new/<slug:slug>/code/", wizard.enter_code, name="from_code"),
    path("new/<slug:slug>/exams/", exam_list.exam_list, name="from_table"),
    path("new/<slug:slug>/rules/", rules.rules, name="rules"),
    path("new/<slug:slug>/rules/<int:rule_pk>/", rules.rule, name="rule"),
    path("new/<slug:slug>/preview/", wizard.preview, name="preview"),
    path("new/<slug:slug>/settings/", wizard_settings.settings, name="settings"),
    path("new/<slug:slug>/take-over/", adoption.adopt, name="adopt"),
    path("new/<slug:slug>/take-over/list/", adoption.choose, name="adopt_list"),
    path("batches/<uuid:batch_pk>/", wizard_settings.batch, name="batch"),
    path("batches/<uuid:batch_pk>/retry/", wizard_settings.batch_retry, name="batch_retry"),
]
