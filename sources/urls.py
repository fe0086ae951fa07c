from django.urls import path

from ladokflow.pages import flow_assessors, flow_codes, flow_syncs
from sources.views import flows, wizard, wizard_settings

app_name = "flows"
urlpatterns = [
    path("", flows.flow_list, name="list"),
    path("new/", wizard.choose_source, name="new"),
    path("new/<slug:slug>/", wizard.choose_way, name="way"),
    path("new/<slug:slug>/list/", wizard.choose_from_list, name="from_list"),
    path("new/<slug:slug>/code/", wizard.enter_code, name="from_code"),
    path("new/<slug:slug>/preview/", wizard.preview, name="preview"),
    path("new/<slug:slug>/settings/", wizard_settings.settings, name="settings"),
    path("batches/<uuid:batch_pk>/", wizard_settings.batch, name="batch"),
    path("batches/<uuid:batch_pk>/retry/", wizard_settings.batch_retry, name="batch_retry"),
    path("<int:pk>/", flows.overview, name="detail"),
    path("<int:pk>/participants/", flows.participants, name="participants"),
    path("<int:pk>/codes/", flow_codes.codes, name="codes"),
    path("<int:pk>/codes/add/", flow_codes.add, name="code_add"),
    path("<int:pk>/codes/<int:code_pk>/remove/", flow_codes.remove, name="code_remove"),
    path("<int:pk>/assessors/", flow_assessors.assessors, name="assessors"),
    path("<int:pk>/exports/", flows.exports, name="exports"),
    path("<int:pk>/resume/", wizard_settings.resume, name="resume"),
    path("<int:pk>/follow-again/", flow_syncs.follow, name="follow"),
    path("<int:pk>/synchronisations/", flow_syncs.history, name="syncs"),
    path("<int:pk>/synchronisations/preview/", flow_syncs.preview, name="sync_preview"),
    path("<int:pk>/synchronisations/start/", flow_syncs.start, name="sync"),
    path("<int:pk>/synchronisations/<uuid:run_pk>/", flow_syncs.run, name="sync_run"),
]
