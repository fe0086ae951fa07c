"""What keeps an export from starting by itself."""

from django import template

from exports.attempts.automatic import hindrance

register = template.Library()

register.simple_tag(hindrance, name="hindrance")
