"""Takes the screenshots of the main states anew: `make screenshots`. They are by-products of the browser tests."""

import os
import sys
import tempfile
from pathlib import Path

import pytest
from PIL import Image

HERE = Path(__file__).parent
KEPT = HERE.parent.parent / "docs" / "screenshots"
LARGEST = 100_000
"""Bytes: they are looked at in a browser and live in the repository."""
COLOURS = 96
"""Enough for smooth letters, and a third of the size."""
CHOSEN = {
    "01-order": ("sidebar-320", "test_the_order_is_shown_beside_its_ticket"),
    "02-order-dark-258": ("sidebar-dark-258", "test_the_panel_is_for_everybody"),
    "03-sources-being-asked": ("panel-waiting", "test_nothing_jumps_while_sources_answer"),
    "04-source-failing": ("sidebar-failing", "test_a_source_that_fails_says_so"),
    "05-payment-declined": ("sidebar-declined", "test_a_declined_payment_is_in_plain_words"),
    "06-several-orders": ("sidebar-several", "test_several_orders_are_for_the_agent_to_choose"),
    "07-another-order-open": ("panel-other-order", "test_the_customer_s_other_orders_wait_below"),
    "08-refund-form": ("actions-form", "test_a_refund_is_asked_for_and_waits"),
    "09-waiting-for-approval": ("actions-asked", "test_a_refund_is_asked_for_and_waits"),
    "10-approver-decides": ("actions-decide", "test_another_person_approves"),
    "11-order-changed-since": ("actions-changed", "test_an_order_that_changed_shows_what"),
    "12-approved": ("actions-approved", "test_another_person_approves"),
    "13-carried-out": ("actions-done", "test_what_was_carried_out_is_shown_with_its_result"),
    "14-session-ended": ("actions-session-ended", "test_a_session_that_ended_keeps_what_was_typed"),
    "15-hosted-page": ("hosted-order", "test_the_order_is_shown_without_a_helpdesk"),
}
"""Name in the documentation -> name in the tests, and the test that takes it."""


def main() -> int:
    """Run the tests that take them, and keep the chosen ones. The exit status of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BEFOREHAND_SCREENSHOTS"] = folder
        wanted = " or ".join(sorted({test for _, test in CHOSEN.values()}))
        status = pytest.main(["-q", "-p", "no:cacheprovider", "-k", wanted, str(HERE)])
        return int(status) or keep(Path(folder))


def keep(folder: Path) -> int:
    """Put the chosen ones from *folder* into the documentation; 1 where one is missing or too large."""
    KEPT.mkdir(parents=True, exist_ok=True)
    for kept, (taken, _) in CHOSEN.items():
        source, target = folder / f"{taken}.png", KEPT / f"{kept}.png"
        if not source.exists():
            sys.stderr.write(f"{taken} was not taken\n")
            return 1
        with Image.open(source) as picture:
            picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
        if target.stat().st_size > LARGEST:
            sys.stderr.write(f"{target} is larger than {LARGEST} bytes\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
