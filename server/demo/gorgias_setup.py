"""This file is where admins set up the simulated Gorgias: its HTTP integrations and its widgets."""

from collections.abc import Callable
from typing import Any

from litestar import Response, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from server.demo.fake import AnyRequest, answer
from server.demo.gorgias_answers import page_of
from server.demo.gorgias_http import HttpIntegrations, integration_body, widget_body
from server.demo.gorgias_requests import IntegrationInput, WidgetInput, checked
from server.demo.gorgias_state import User

Reply = Callable[[AnyRequest, Callable[[User], Any]], Response[Any]]
"""Answers a request with what the work finds, for whoever may ask."""


def set_up_routes(http: HttpIntegrations, reply: Reply) -> list[HTTPRouteHandler]:
    """`/api/integrations` and `/api/widgets`."""

    @get("/api/integrations")
    async def integrations(request: AnyRequest) -> Response[Any]:
        rows = [integration_body(found) for found in http.integrations.values()]
        return reply(request, lambda _: page_of(request, rows, "id:asc"))

    @post("/api/integrations", status_code=201)
    async def add(request: AnyRequest) -> Response[Any]:
        raw = await request.body()
        return reply(request, lambda _: answer(integration_body(http.add(checked(raw, IntegrationInput))), 201))

    @get("/api/integrations/{number:int}")
    async def read(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
        return reply(request, lambda _: integration_body(http.integration(number)))

    @put("/api/integrations/{number:int}")
    async def change(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
        raw = await request.body()
        return reply(
            request,
            lambda _: answer(integration_body(http.change(number, checked(raw, IntegrationInput))), 202),
        )

    @get("/api/widgets")
    async def widgets(request: AnyRequest) -> Response[Any]:
        rows = [widget_body(found) for found in http.widgets.values()]
        return reply(request, lambda _: page_of(request, rows, "id:asc"))

    @post("/api/widgets", status_code=201)
    async def add_widget(request: AnyRequest) -> Response[Any]:
        raw = await request.body()
        return reply(request, lambda _: answer(widget_body(http.add_widget(checked(raw, WidgetInput))), 201))

    @get("/api/widgets/{number:int}")
    async def read_widget(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
        return reply(request, lambda _: widget_body(http.widget(number)))

    @put("/api/widgets/{number:int}")
    async def change_widget(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
        raw = await request.body()
        return reply(
            request,
            lambda _: answer(widget_body(http.change_widget(number, checked(raw, WidgetInput))), 202),
        )

    return [integrations, add, read, change, widgets, add_widget, read_widget, change_widget]
