"""What came out about a flow's grades, for the pages of the flow."""

from django import template

from exports.pages.findings import found_of

register = template.Library()

register.simple_tag(found_of, name="found")
