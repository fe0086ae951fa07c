"""What to do where nobody knows if a grade is in Ladok.

Whether Ladok can be asked is the university's: a sentence names no button for it, and the pages have one where there is one.
"""

from django.utils.translation import gettext_lazy as _

FIND_OUT = _("Find out what is in Ladok, and say so. What is not there can then be sent again.")
