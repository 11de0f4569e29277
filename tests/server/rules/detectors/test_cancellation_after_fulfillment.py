"""An order cancelled too late."""

from connectors.model import ShipmentState
from server.model import Kind, Severity
from server.rules.assess import assess


def told(build, order, hours: float = 100) -> list[str]:
    """The headline, and where the parcel is."""
    found = assess(order, build.at(hours), build.policy()).signals
    assert {signal.kind for signal in found} <= {Kind.CANCELLATION_AFTER_FULFILLMENT}
    return [f"{signal.headline}; {signal.evidence[-1].value}" for signal in found]


def test_goods_delivered_after_the_cancellation_stay_trouble(build) -> None:
    parcel = build.shipment(build.scan(2), build.scan(40, "delivered"))
    assert told(build, build.order(parcel, cancelled_at=build.at(5))) == [
        "was cancelled after fulfilment had begun; The parcel was delivered by UPS"
    ]


def test_goods_delivered_before_it_are_a_return_and_nothing_to_stop(build) -> None:
    parcel = build.shipment(build.scan(2), build.scan(40, "delivered"))
    assert told(build, build.order(parcel, cancelled_at=build.at(60))) == []


def test_fulfilment_that_goes_on_after_the_cancellation_is_said_so(build) -> None:
    order = build.order(build.shipment(build.scan(9)), cancelled_at=build.at(5))
    assert told(build, order) == ["was cancelled but fulfilment went on; The parcel is with UPS"]


def test_a_parcel_on_its_way_back_is_said_to_be(build) -> None:
    parcel = build.shipment(build.scan(2), build.scan(40, "returning"))
    assert told(build, build.order(parcel, cancelled_at=build.at(5))) == [
        "was cancelled after fulfilment had begun; The parcel is on its way back with UPS"
    ]


def test_every_step_of_the_parcel_is_worth_telling_and_silence_is_not(build) -> None:
    order = build.order(build.shipment(build.scan(2)), cancelled_at=build.at(5))
    later = build.order(build.shipment(build.scan(2), build.scan(20, "out_for_delivery")), cancelled_at=build.at(5))
    first, silent, next_step = (
        assess(o, build.at(h), build.policy()).signals[0] for o, h in ((order, 6), (order, 300), (later, 21))
    )
    assert first.fingerprint == silent.fingerprint != next_step.fingerprint
    assert first.severity is Severity.HIGH


def test_a_stopped_shipment_ends_it(build) -> None:
    stopped = build.shipment(state=ShipmentState.CANCELLED)
    order = build.order(stopped, cancelled_at=build.at(5), fulfillment_started_at=build.at(4))
    assert told(build, order) == []
