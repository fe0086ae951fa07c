"""What can be done with a flow's grades, for the pages of the flow: the same as in the lists."""

from django import template

from exports.pages.lists import row_of

register = template.Library()

register.simple_tag(row_of, name="export_row")
