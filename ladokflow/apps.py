import gc

from axes.apps import AppConfig as AxesConfig
from django.apps import AppConfig, apps
from django.db.backends.signals import connection_created
from django.utils.translation import gettext_lazy as _

from ladokflow.connections import without_jit


class LadokflowConfig(AppConfig):
    name = "ladokflow"
    verbose_name = "LadokFlow"

    def ready(self) -> None:
        from ladokflow import checks, federation, sign_in_session  # noqa: F401 - each registers what it has
        from ladokflow.api import messages  # noqa: F401
        from ladokflow.queue import keep_to_our_tasks

        keep_to_our_tasks()
        apps.get_app_config("auth").verbose_name = _("Accounts")  # in the administration
        connection_created.connect(without_jit)
        # What has been loaded by now is there for good, and what a flow of thousands is worked out of until that is done: looking for
        # garbage among it again and again takes as long as the work itself.
        gc.freeze()
        gc.set_threshold(5_000, 10, 10)
        gc.enable()


class SignInsConfig(AxesConfig):
    """Django-axes, named in the administration by what it keeps."""

    verbose_name = _("Signing in")
