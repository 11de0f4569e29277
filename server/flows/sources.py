"""This file keeps account of the sources of one answer: which said what, as of when, and what went wrong."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from connectors.contract import ConnectorError, TimedOut
from server.context import SourceContext, SourceStatus
from server.flows.flights import Answered
from server.model import OrderRecord, Said

_WORST_FIRST: tuple[SourceStatus, ...] = ("timeout", "error", "not_configured", "stale", "ok")


class _Outcome(Struct, frozen=True, kw_only=True):
    """What became of one question."""

    status: SourceStatus
    at: datetime | None = None
    latency_ms: int | None = None
    error: str | None = None


class Sources:
    """Every connection that was, or should be, asked; several questions to one connection make one line."""

    def __init__(self) -> None:
        self._systems: dict[str, str] = {}
        self._outcomes: dict[str, dict[object, _Outcome]] = {}

    def expect(self, connection: str, system: str, question: object) -> None:
        """It should be asked; until it answers, what is stored of it counts."""
        self._set(connection, system, question, _Outcome(status="stale"))

    def answered(self, connection: str, system: str, question: object, answer: Answered) -> None:
        """It has answered."""
        self._set(connection, system, question, _Outcome(status="ok", at=answer.at, latency_ms=answer.latency_ms))

    def heard(self, connection: str, system: str, question: object, at: datetime, latency_ms: int) -> None:
        """It has answered something that is no observation of an order."""
        self._set(connection, system, question, _Outcome(status="ok", at=at, latency_ms=latency_ms))

    def failed(
        self, connection: str, system: str, question: object, error: Exception, latency_ms: int | None = None
    ) -> None:
        """It has not answered, or nothing that can be used."""
        status: SourceStatus = "timeout" if isinstance(error, TimedOut | TimeoutError) else "error"
        self._set(
            connection,
            system,
            question,
            _Outcome(status=status, latency_ms=latency_ms, error=_sentence(error, system)),
        )

    def missing(self, connection: str, system: str, sentence: str) -> None:
        """Nothing is configured that could be asked."""
        self._set(connection, system, "", _Outcome(status="not_configured", error=sentence))

    def list(self, record: OrderRecord | None) -> list[SourceContext]:
        """One line each, as they were asked, what is missing last. What is not fresh is as old as *record* says."""
        lines = [self._line(connection, outcomes, record) for connection, outcomes in self._outcomes.items()]
        return sorted(lines, key=lambda line: line.status == "not_configured")

    def _set(self, connection: str, system: str, question: object, outcome: _Outcome) -> None:
        self._systems[connection] = system
        self._outcomes.setdefault(connection, {})[question] = outcome

    def _line(self, connection: str, outcomes: Mapping[object, _Outcome], record: OrderRecord | None) -> SourceContext:
        worst = min(outcomes.values(), key=lambda outcome: _WORST_FIRST.index(outcome.status))
        as_of = min((outcome.at for outcome in outcomes.values() if outcome.at), default=None)
        if worst.status != "ok":
            as_of = last_word(record, connection) if record else None
        return SourceContext(
            connection=connection,
            system=self._systems[connection],
            status=worst.status,
            as_of=as_of,
            latency_ms=max((o.latency_ms for o in outcomes.values() if o.latency_ms is not None), default=None),
            error=worst.error,
        )


def last_word(record: OrderRecord, source: str) -> datetime | None:
    """As of when *source* last said anything about this order."""
    return max((at for said in _said_by(record, source) for at in said.at.values()), default=None)


def _said_by(record: OrderRecord, source: str) -> Iterator[Said[Any]]:
    words: list[Mapping[str, Said[Any]]] = [record.order, *record.payments.values(), *record.shipments.values()]
    return (by_source[source] for by_source in words if source in by_source)


def _sentence(error: Exception, system: str) -> str:
    if isinstance(error, ConnectorError):
        return error.sentence
    if isinstance(error, TimeoutError):
        return TimedOut(system, "").sentence
    return f"{system} could not be read because of a mistake on our side"
