"""This file turns a shipment of the context into what the panel shows of it."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from connectors.carriers import carrier_name
from server.context import ScanContext, ShipmentContext
from sidebar import words
from sidebar.panel import Row, Scanned, Shipped

GAP = timedelta(hours=36)
"""A silence between two scans that is worth pointing at."""
FINAL = ("delivered", "returned", "cancelled")


def draw_shipment(shipment: ShipmentContext, zone: ZoneInfo, now: datetime) -> Shipped:
    """Where a parcel is, and where it was silent."""
    return Shipped(
        title=shipment.carrier_name or carrier_name(shipment.carrier),
        number=shipment.tracking_number,
        href=shipment.tracking_url or "",
        pill=words.shipment(shipment.state),
        rows=_rows(shipment, zone, now),
        problem=shipment.exception or shipment.tracking_problem or "",
        scans=_scans(shipment.scans, zone, now, is_moving=shipment.state not in FINAL),
    )


def _rows(shipment: ShipmentContext, zone: ZoneInfo, now: datetime) -> tuple[Row, ...]:
    rows = [Row("Service", shipment.service)] if shipment.service else []
    original, current = shipment.estimated_delivery.original, shipment.estimated_delivery.current
    if shipment.delivered_at:
        rows.append(Row("Delivered", words.moment(shipment.delivered_at, zone)))
    elif current:
        moved = original is not None and original != current
        rows.append(Row("Estimate", words.day(current, zone, now)))
        if moved and original:
            rows.append(Row("First estimate", words.day(original, zone, now)))
    if not shipment.scans and shipment.shipped_at:
        rows.append(Row("Shipped", words.moment(shipment.shipped_at, zone)))
    return tuple(rows)


def _scans(scans: list[ScanContext], zone: ZoneInfo, now: datetime, *, is_moving: bool) -> tuple[Scanned, ...]:
    """Newest first; a silence is told above the scan after which it began."""
    drawn = []
    for index, scan in enumerate(scans):
        newer = scans[index - 1].time if index else (now if is_moving else scan.time)
        drawn.append(
            Scanned(
                when=words.moment(scan.time, zone),
                hint=f"{scan.local_time} local time" if scan.local_time else "",
                text=scan.text,
                place=scan.place,
                local=_local(scan, zone),
                ago="" if index else words.ago(scan.time, now),
                gap=f"No scan for {words.span(newer - scan.time)}" if newer - scan.time >= GAP else "",
            )
        )
    return tuple(drawn)


def _local(scan: ScanContext, zone: ZoneInfo) -> str:
    """`10:05 there`, where the place's clock is another than ours."""
    ours = scan.time.astimezone(zone)
    if not scan.local_time or scan.local_time == f"{ours:%Y-%m-%d %H:%M}":
        return ""
    day, _, clock = scan.local_time.partition(" ")
    return f"{clock} there" if day == f"{ours:%Y-%m-%d}" else f"{scan.local_time} there"
