"""How the queue is, for the banner on the pages."""

from django import template

from exports.operation.health import QueueFacts, queue_facts

register = template.Library()


@register.simple_tag(name="queue_facts")
def queue_facts_tag() -> QueueFacts:
    return queue_facts()
