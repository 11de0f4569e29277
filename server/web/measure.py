"""This file is what is counted for Prometheus. Labels never hold a tenant, a person, an order or an address."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from server.context import SourceContext
from server.store.contract import Counts

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Measurements:
    """The figures of one running server, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._webhooks = Counter(
            "beforehand_webhooks_total", "Webhooks by what became of them.", ["result"], registry=self.registry
        )
        self._webhook_seconds = Histogram(
            "beforehand_webhook_seconds",
            "From the webhook's last byte to the durable answer.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._sources = Counter(
            "beforehand_sources_total",
            "Live look-ups by system and what became of them.",
            ["system", "status"],
            registry=self.registry,
        )
        self._problems = Counter(
            "beforehand_problems_total", "Answers that were problems, by status.", ["status"], registry=self.registry
        )
        self._inbox = Gauge("beforehand_inbox", "Events by state.", ["state"], registry=self.registry)
        self._actions = Gauge("beforehand_actions", "Planned side effects by state.", ["state"], registry=self.registry)
        self._open_issues = Gauge("beforehand_open_issues", "Issues that are open.", registry=self.registry)
        self._orders = Gauge("beforehand_orders", "Orders that are known.", registry=self.registry)
        self._webhook = {result: self._webhooks.labels(result) for result in ("accepted", "duplicate", "refused")}

    def webhook(self, result: str, seconds: float) -> None:
        """One webhook was answered: accepted, duplicate or refused."""
        self._webhook[result].inc()
        self._webhook_seconds.observe(seconds)

    def sources(self, found: Iterable[SourceContext]) -> None:
        """What the sources of one answer said."""
        for source in found:
            self._sources.labels(source.system, source.status).inc()

    def problem(self, status: int) -> None:
        """One request was answered with a problem document."""
        self._problems.labels(str(status)).inc()

    def exposition(self, counts: Counts | None) -> bytes:
        """All figures in Prometheus' text format; those of the store as they are now, where it can be read."""
        if counts:
            for state, number in counts.inbox.items():
                self._inbox.labels(state).set(number)
            for state, number in counts.actions.items():
                self._actions.labels(state).set(number)
            self._open_issues.set(counts.open_issues)
            self._orders.set(counts.orders)
        return generate_latest(self.registry)
