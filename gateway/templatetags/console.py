"""The template tag `{% console_overview as overview %}`: the content of the admin's first page."""

from django import template

from gateway.console.overview import Overview, overview

register = template.Library()


@register.simple_tag
def console_overview() -> Overview:
    return overview()
