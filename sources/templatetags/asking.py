"""What a flow asks that only a person can answer: `{% asked_by flow as questions %}`, of a flow of `with_questions`."""

from django import template

from sources.flows.asking import asked_by

register = template.Library()

register.simple_tag(asked_by, name="asked_by")
