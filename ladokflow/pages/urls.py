"""The addresses of the list of flows and of a flow's pages. They stand beside those of `sources/urls.py`, under the same name."""

from django.urls import path

from ladokflow.pages import (
    flow,
    flow_assessors,
    flow_change,
    flow_change_many,
    flow_codes,
    flow_identities,
    flow_list,
    flow_participants,
    flow_release,
    flow_staff,
    flow_statistics,
    flow_syncs,
    timeline,
)

flow_tabs = [
    path("", flow_list.flow_list, name="list"),
    path("synchronise/", flow_syncs.start_chosen, name="sync_chosen"),
    path("change/", flow_change_many.change_many, name="change_many"),
    path("<int:pk>/", flow.overview, name="detail"),
    path("<int:pk>/participants/", flow_participants.participants, name="participants"),
    path("<int:pk>/participants.<str:kind>", flow_participants.participants_file, name="participants_file"),
    path("<int:pk>/participants/<int:person_pk>/timeline/", timeline.timeline, name="timeline"),
    path("<int:pk>/statistics/", flow_statistics.statistics, name="statistics"),
    path("<int:pk>/statistics.<str:kind>", flow_statistics.statistics_file, name="statistics_file"),
    path("<int:pk>/codes/", flow_codes.codes, name="codes"),
    path("<int:pk>/codes/add/", flow_codes.add, name="code_add"),
    path("<int:pk>/codes/<int:code_pk>/remove/", flow_codes.remove, name="code_remove"),
    path("<int:pk>/assessors/", flow_assessors.assessors, name="assessors"),
    path("<int:pk>/staff/", flow_staff.staff, name="staff"),
    path("<int:pk>/staff/accounts/", flow_staff.accounts, name="accounts"),
    path("<int:pk>/change/", flow_change.change, name="change"),
    path("<int:pk>/who-is-it/", flow_identities.answer, name="who_is_it"),
    path("<int:pk>/exports/", flow.exports, name="exports"),
    path("<int:pk>/grade-goes-to/", flow.place, name="place"),
    path("<int:pk>/let-go/", flow_release.release, name="release"),
    path("<int:pk>/resume/", flow.resume, name="resume"),
    path("<int:pk>/looked-at/", flow_syncs.looked_at, name="look_at_warnings"),
    path("<int:pk>/follow-again/", flow_syncs.follow, name="follow"),
    path("<int:pk>/synchronisations/", flow_syncs.history, name="syncs"),
    path("<int:pk>/synchronisations/preview/", flow_syncs.preview, name="sync_preview"),
    path("<int:pk>/synchronisations/start/", flow_syncs.start, name="sync"),
    path("<int:pk>/synchronisations/<uuid:run_pk>/", flow_syncs.run, name="sync_run"),
]
