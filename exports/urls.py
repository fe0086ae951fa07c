from django.urls import path

from exports.views import adoption, archive, attempt, dashboard, download, findings, papers, sending, settling

app_name = "exports"
urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("weeks/", dashboard.weeks, name="weeks"),
    path("live/", dashboard.live, name="live"),
    path("errors.<str:kind>", download.errors, name="errors"),
    path("preview/", sending.preview_chosen, name="preview_chosen"),
    path("send/", sending.send_chosen, name="send_chosen"),
    path("check/", settling.check_chosen, name="check_chosen"),
    path("flows/<int:pk>/preview/", sending.preview, name="preview"),
    path("flows/<int:pk>/send/", sending.send, name="send"),
    path("flows/<int:pk>/collect/", sending.collect, name="collect"),
    path("flows/<int:pk>/say/", sending.say, name="say"),
    path("flows/<int:pk>/check/", settling.check, name="check"),
    path("flows/<int:pk>/mark/", settling.mark, name="mark"),
    path("flows/<int:pk>/mark/take-back/", settling.take_mark_back, name="take_mark_back"),
    path("flows/<int:pk>/exported-before/", adoption.adoption, name="adoption"),
    path("flows/<int:pk>/findings/", findings.findings, name="findings"),
    path("flows/<int:pk>/papers/", papers.papers, name="papers"),
    path("flows/<int:pk>/papers/take-back/", papers.back, name="papers_back"),
    path("flows/<int:pk>/papers/read/", papers.read, name="papers_read"),
    path("flows/<int:pk>/archive/", archive.archive, name="archive"),
    path("flows/<int:pk>/archive/make/", archive.make, name="archive_make"),
    path("packages/<uuid:package_pk>/", archive.package, name="package"),
    path("packages/<uuid:package_pk>/go-on/", archive.again, name="package_again"),
    path("packages/<uuid:package_pk>/package.zip", archive.whole_zip, name="package_zip"),
    path("packages/<uuid:package_pk>/files/<int:file_pk>", archive.file, name="package_file"),
    path("packages/<uuid:package_pk>/people/<int:archived_pk>/", archive.person, name="package_person"),
    path(
        "packages/<uuid:package_pk>/people/<int:archived_pk>/person.zip", archive.person_zip, name="package_person_zip"
    ),
    path("<uuid:pk>/", attempt.attempt, name="attempt"),
    path("<uuid:pk>/people.<str:kind>", download.people, name="people"),
    path("<uuid:pk>/choose/", settling.choose, name="choose"),
]
