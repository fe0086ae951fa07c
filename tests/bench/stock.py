"""Django's own administration of the same tables, as it is without anything of ours: what lists are measured against."""

from django.contrib.admin import AdminSite, ModelAdmin
from django.urls import path

from ladokflow.urls import urlpatterns as ours
from sources.models import Flow, SyncRun

site = AdminSite(name="stock")


class StockFlows(ModelAdmin):
    list_display = ("title", "source", "state", "marking_end_at", "participant_count", "graded_count", "export_state")
    list_select_related = ("source",)
    search_fields = ("title", "subtitle", "codes__code")


class StockRuns(ModelAdmin):
    list_display = ("created_at", "flow", "trigger", "state", "added", "updated", "removed", "deactivated", "unchanged")
    list_select_related = ("flow", "flow__source", "requested_by")


site.register(Flow, StockFlows)
site.register(SyncRun, StockRuns)

urlpatterns = [path("stock/", site.urls), *ours]
