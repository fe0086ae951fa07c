"""What is told of archive packages."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ladokflow.messages import LICENCE_ADMIN, MANAGER, OPERATOR, WISEFLOW, Sentence, Trait, register

register(
    {
        "archive.not_there": Sentence(
            _("The flow is not there in WISEflow, or not any more."),
            _("There is nothing to make a package of."),
            who=MANAGER,
        ),
        "archive.purged": Sentence(
            _("The students of the flow have been emptied: they were kept as long as the university says."),
            _("A package could not say whose papers are whose."),
            who=MANAGER,
        ),
        "archive.too_early": Sentence(
            _("The students are still writing."),
            _("A package is of what has been handed in."),
            _("Wait until participation has ended."),
            MANAGER,
        ),
        "archive.under_way": Sentence(
            _("A package of this flow is being made already."), todo=_("Wait for it to be ready."), who=MANAGER
        ),
        "archive.not_stopped": Sentence(_("The package has not stopped: there is nothing to go on with.")),
        "archive.ready": Sentence(_("All files are in the package.")),
        "archive.ready_but": Sentence(
            ngettext_lazy(
                "The package is ready, but %(count)s file could not be fetched.",
                "The package is ready, but %(count)s files could not be fetched.",
                "count",
            ),
            _("The others are in it. The file missing.csv says which are not, and why."),
            _("See why in the package. If it can be mended in WISEflow, make a new package afterwards."),
            MANAGER,
        ),
        "archive.given_up": Sentence(
            _("Nothing came of %(claims)s tries to go on with the package."),
            _("What has been fetched is kept."),
            _("Look at the log, then press Go on."),
            OPERATOR,
        ),
        "archive.not_stored": Sentence(
            _("A file could not be put into the archive: %(detail)s."),
            _("What has been fetched is kept, and it is tried again."),
            _("Look if there is room where packages are kept, and if LadokFlow may write there."),
            OPERATOR,
        ),
        "archive.not_read": Sentence(
            _("The place where packages are kept does not answer as it should: %(detail)s."),
            _("The package is as it was."),
            _("Try again in a while. If it stays so, look if the storage is reached with the settings of LadokFlow."),
            OPERATOR,
        ),
        "archive.store_down": Sentence(
            _("The place where WISEflow keeps its files does not answer as it should (HTTP %(status)s)."),
            _("What has been fetched is kept, and it is tried again."),
            who=WISEFLOW,
        ),
        "archive.quarantined": Sentence(
            _("WISEflow holds the file in quarantine: %(reason)s"),
            _("It is not in the package."),
            _("Look at it in WISEflow."),
            MANAGER,
        ),
        "archive.link_dead": Sentence(
            _("WISEflow's link to the file leads nowhere, and neither does a new one."),
            _("The file is not in the package."),
            _("Open it in WISEflow. If it is there, make a new package."),
            MANAGER,
        ),
        "archive.link_inside": Sentence(
            _("WISEflow's link to the file leads to %(host)s, where LadokFlow may not go."),
            _("The file is not in the package."),
            _("If that is meant, name the host in INSIDE_HOSTS, then make a new package."),
            OPERATOR,
        ),
        "archive.other_size": Sentence(
            _("WISEflow says that the file has %(size)s bytes, and %(came)s came."),
            _("The file is not in the package."),
            _("Open it in WISEflow. If it is whole there, make a new package."),
            MANAGER,
        ),
        "archive.no_files": Sentence(
            _("WISEflow does not tell the files of the submission."),
            _("They are not in the package."),
            _("Look if our credential may read submissions."),
            LICENCE_ADMIN,
        ),
        "archive.not_told": Sentence(
            _("WISEflow does not give it out."),
            _("It is not in the package."),
            _("Look in WISEflow if it is there, and if our credential may read it."),
            LICENCE_ADMIN,
        ),
        "archive.not_known": Sentence(
            _("WISEflow has a submission of somebody whom LadokFlow does not know on the flow."),
            _("It is not in the package."),
            _("Synchronise the flow, then make a new package."),
            MANAGER,
        ),
        "archive.removed": Sentence(_("The package was kept as long as was said, and has been deleted.")),
        "audit.package_requested": Sentence(_("Asked for an archive package.")),
        "audit.package_again": Sentence(_("Had an archive package that had stopped gone on with.")),
        "audit.package_made": Sentence(_("An archive package of %(files)s files is ready (manifest %(sha256)s).")),
        "audit.package_downloaded": Sentence(_("Downloaded the archive package of %(at)s.")),
        "audit.package_person_downloaded": Sentence(
            _("Downloaded what the archive package of %(at)s has of %(person)s."), traits={Trait.NAMES_STUDENT}
        ),
        "audit.package_file_downloaded": Sentence(_("Downloaded %(file)s of the archive package of %(at)s.")),
        "audit.package_paper_downloaded": Sentence(
            _("Downloaded %(file)s of %(person)s from the archive package of %(at)s."), traits={Trait.NAMES_STUDENT}
        ),
        "audit.package_removed": Sentence(
            _("Deleted the archive package of %(at)s: it had been kept as long as was said.")
        ),
    }
)
