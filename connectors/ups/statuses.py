"""This file is what UPS's status words mean in ours: tables, and functions that look things up in them.

UPS says one thing three times: `type` (a letter or two), `code` (two characters) and `statusCode` (three digits).
The letter is always there and says the family; the digits and a few codes say what an agent wants to know.
"""

from connectors.model import Problem, ShipmentState
from connectors.reading import line
from connectors.trouble_words import problem_in
from connectors.ups import wire

_TYPES = {
    "D": ShipmentState.DELIVERED,
    "DD": ShipmentState.IN_TRANSIT,  # delivered to the freight station at the destination
    "DO": ShipmentState.IN_TRANSIT,  # delivered to the freight station at the origin
    "I": ShipmentState.IN_TRANSIT,
    "M": ShipmentState.LABEL_CREATED,  # manifest: a label exists, UPS does not have the parcel
    "MP": ShipmentState.LABEL_CREATED,
    "MV": ShipmentState.CANCELLED,  # manifest void
    "O": ShipmentState.OUT_FOR_DELIVERY,
    "P": ShipmentState.IN_TRANSIT,  # picked up
    "RS": ShipmentState.RETURNED,  # returned to shipper
    "W": ShipmentState.IN_TRANSIT,  # in a warehouse
    "X": ShipmentState.EXCEPTION,
    # U (delivery date changed) and NA say nothing about where the parcel is.
}
_CODES = {"OT": ShipmentState.OUT_FOR_DELIVERY, "OF": ShipmentState.OUT_FOR_DELIVERY}
# From UPS's appendix of Track status codes: only those that say more than the type does.
_STATUS_CODES = {
    "006": ShipmentState.OUT_FOR_DELIVERY,
    "007": ShipmentState.CANCELLED,  # shipment information voided
    "012": ShipmentState.IN_TRANSIT,  # customs: clearance in progress
    "014": ShipmentState.IN_TRANSIT,  # customs: cleared
    "017": ShipmentState.AVAILABLE_FOR_PICKUP,
    "021": ShipmentState.OUT_FOR_DELIVERY,
    "022": ShipmentState.DELIVERY_FAILED,  # first attempt made
    "023": ShipmentState.DELIVERY_FAILED,
    "024": ShipmentState.DELIVERY_FAILED,  # final attempt made
    "029": ShipmentState.EXCEPTION,  # action required
    "033": ShipmentState.RETURNING,
    "034": ShipmentState.RETURNED,
    "035": ShipmentState.RETURNING,
    "036": ShipmentState.RETURNING,
    "037": ShipmentState.RETURNING,
    "040": ShipmentState.AVAILABLE_FOR_PICKUP,  # at a UPS Access Point
    "050": ShipmentState.EXCEPTION,  # address information required
    "058": ShipmentState.EXCEPTION,  # clearance information required
    "059": ShipmentState.EXCEPTION,  # damage reported
    "060": ShipmentState.DELIVERY_FAILED,
    "061": ShipmentState.DELIVERY_FAILED,  # adult signature required
    "062": ShipmentState.DELIVERY_FAILED,  # funds required
    "064": ShipmentState.EXCEPTION,  # delivery refused
    "066": ShipmentState.DELIVERY_FAILED,  # by the post office
    "067": ShipmentState.RETURNED,
    "068": ShipmentState.EXCEPTION,  # sent to lost and found
    "069": ShipmentState.EXCEPTION,  # package not claimed
}
# What is wrong, from the same appendix.
_PROBLEMS = {
    "016": Problem.HELD,  # in warehouse
    "032": Problem.WEATHER,  # adverse weather may cause delay
    "050": Problem.ADDRESS,  # address information required
    "051": Problem.WEATHER,  # emergency situation or severe weather
    "052": Problem.WEATHER,
    "053": Problem.WEATHER,  # recovery in progress
    "058": Problem.CUSTOMS,  # clearance information required
    "059": Problem.DAMAGED,  # damage reported
    "064": Problem.REFUSED,  # delivery refused
    "068": Problem.LOST,  # sent to lost and found
    "069": Problem.HELD,  # package not claimed
}
# Codes for several troubles, of which UPS's sentence may name one: an attempt fails for a wrong address, too.
_VAGUE_PROBLEMS = {
    **dict.fromkeys(("022", "023", "024", "060", "061", "062", "066"), Problem.DELIVERY_ATTEMPT),
    **dict.fromkeys(("046", "047", "048", "049"), Problem.DELAYED),
}
_TROUBLED = (ShipmentState.EXCEPTION, ShipmentState.DELIVERY_FAILED, ShipmentState.RETURNING)


def state_of(status: wire.Status | None) -> ShipmentState:
    """What UPS says of a parcel; UNKNOWN for words we have not met."""
    if status is None:
        return ShipmentState.UNKNOWN
    fine = _STATUS_CODES.get(_digits(status)) or _CODES.get((status.code or "").strip().upper())
    return fine or _TYPES.get((status.type or "").strip().upper(), ShipmentState.UNKNOWN)


def problem_of(status: wire.Status | None) -> Problem | None:
    """What UPS says is wrong with a parcel; None where nothing is, or where it does not say what."""
    if status is None or state_of(status) not in _TROUBLED:
        return None
    code = _digits(status)
    return _PROBLEMS.get(code) or problem_in(words_of(status)) or _VAGUE_PROBLEMS.get(code)


def words_of(status: wire.Status | None) -> str:
    return (line(status.description) or line(status.simplified_text_description)) if status else ""


def _digits(status: wire.Status) -> str:
    """`statusCode` as UPS's appendix writes it; Track Alert sends it as a number."""
    return f"{status.status_code or '':0>3}"
