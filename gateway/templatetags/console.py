"""`{% console_overview as overview %}`: what the admin's first page shows."""

from django import template

from gateway.console.overview import Overview, overview

register = template.Library()


@register.simple_tag
def console_overview() -> Overview:
    return overview()
