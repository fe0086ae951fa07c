"""What is told of the administration: the audit log's entries, and what is wrong with what was typed."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import LICENCE_ADMIN, Sentence, register

# The audit log
register(
    {
        "admin.source_added": Sentence(_("Added the source %(name)s.")),
        "admin.source_changed": Sentence(_("Changed the source: %(fields)s.")),
        "admin.export_body_changed": Sentence(_("Changed the export body.")),
        "admin.export_body_replaced": Sentence(_("Changed the export body from %(before)s to %(after)s.")),
        "admin.credential_added": Sentence(_("Added the credential %(credential)s.")),
        "admin.credential_changed": Sentence(_("Changed the credential %(credential)s: %(fields)s.")),
        "admin.credential_deleted": Sentence(_("Deleted the credential %(credential)s.")),
        "admin.credential_enabled": Sentence(_("Enabled the credential %(credential)s.")),
        "admin.credential_disabled": Sentence(_("Disabled the credential %(credential)s.")),
        "admin.member_added": Sentence(_("Added %(email)s as %(role)s.")),
        "admin.member_added_with": Sentence(_("Added %(email)s: %(fields)s.")),
        "admin.member_changed": Sentence(_("Changed %(email)s: %(fields)s.")),
        "admin.member_removed": Sentence(_("Removed %(email)s.")),
        "admin.preset_added": Sentence(_("Added the flow preset %(name)s.")),
        "admin.preset_changed": Sentence(_("Changed the flow preset %(name)s: %(fields)s.")),
        "admin.preset_deleted": Sentence(_("Deleted the flow preset %(name)s.")),
        "admin.log_downloaded": Sentence(_("Downloaded %(count)s entries of the audit log.")),
    }
)

# A preset whose people could not be looked up; %(cause)s is why, a message of its own
register(
    {
        "admin.preset_not_looked_up": Sentence(
            _("The people of the preset could not be looked up in WISEflow. %(cause)s"),
            _("The preset is saved as you have written it."),
            _(
                "Save it once more when WISEflow answers. Whom it does not know is also asked about whenever a flow is made with it."
            ),
            LICENCE_ADMIN,
        ),
    }
)

# A credential that is not in use
register(
    {
        "admin.none_enabled": Sentence(
            _("No credential for %(system)s is enabled at this source."),
            _("LadokFlow cannot sign in to %(system)s: nothing is read from it or sent to it."),
            _("Test a credential and put it in use, or add a new one."),
            LICENCE_ADMIN,
        ),
    }
)
