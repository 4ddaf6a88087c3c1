"""Do what a button of a card says: one service, by the word in the address, and back to where it was pressed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from gateway.console.pages.base import View, page, principal_of
from gateway.console.pages.inputs import read


@dataclass(frozen=True, slots=True)
class Button:
    """What a word of an address does to the thing with a name, and what that is told as: `a is paused`."""

    do: Callable[..., Any]
    done: str


@dataclass(frozen=True, slots=True)
class Pressed:
    """Say who may press buttons, what is not there, and where each leads back to."""

    page: str
    permission: str
    unknown: type[Exception]
    back: Callable[[HttpRequest, str], str]


def pressing(buttons: Mapping[str, Button], told: Pressed) -> View:
    """Return the view of these buttons: `POST …/<name>/<action>/`."""

    @require_POST
    @page(told.page, told.permission)
    def act(request: HttpRequest, name: str, action: str) -> HttpResponseBase:
        button = buttons.get(action)
        if button is None:
            raise Http404
        read((), request.POST)
        try:
            button.do(name, principal=principal_of(request))
        except told.unknown as exc:
            raise Http404 from exc
        messages.success(request, f"{name} is {button.done}.")
        return redirect(told.back(request, name))

    return act
