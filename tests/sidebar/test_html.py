"""Drawing: what must never become markup, and what the sections look like."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sidebar import html
from sidebar.asking import Choice, Field, Form, Line, Possible, Refused, Requested, Told
from sidebar.panel import (
    Candidate,
    Contacted,
    Happened,
    Header,
    Paid,
    Panel,
    Pill,
    Promised,
    Row,
    Scanned,
    Shipped,
    Source,
    Tone,
    Trouble,
)
from sidebar.picture import Caption, Mark, Picture, Stretch

EXPECTED = Path(__file__).parent / "expected"
HARMLESS = {
    *("a", "article", "button", "dd", "details", "div", "dl", "dt", "h2", "li", "ol", "p", "span", "strong"),
    *("summary", "ul"),
    *("template", "form", "fieldset", "legend", "label", "input", "textarea", "h3"),
    *("svg", "line", "rect", "circle", "text"),
}
"""What the sections are made of. Nothing among it loads anything."""
ATTRIBUTES = {
    "class",
    "href",
    "target",
    "rel",
    "title",
    "type",
    "aria-label",
    "data-keep",
    "data-order",
    "data-shop",
    *("aria-expanded", "role", "hidden", "novalidate", "autocomplete", "name", "value", "maxlength", "required"),
    *("inputmode", "min", "max", "step", "rows", "checked"),
    *("width", "height", "x", "x1", "x2", "y", "y1", "y2", "cx", "cy", "r", "rx"),
    *("data-source", "data-decide", "data-request", "data-version", "data-title", "data-ask", "data-form"),
    *("data-kind", "data-entry", "data-when", "data-error", "data-hint", "data-line", "data-limit", "data-currency"),
    "data-cancel",
}


class Seen(HTMLParser):
    """Every tag and attribute of a text, and whether what is opened is closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.links, self.open = set(), set(), [], []
        self.void = {"input"}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag not in self.void:
            self.open.append(tag)
        for name, value in attributes:
            self.attributes.add(name)
            if name == "href":
                self.links.append(value)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_comment(self, data):
        pytest.fail(f"a comment: {data[:80]}")


def drawn(panel):
    others = [html.others(panel.others), html.others(panel.others, is_choice=True)]
    return "".join([*html.sections(panel).values(), html.candidates(panel), *others])


def test_no_text_becomes_markup(hostile):
    for payload in hostile.payloads:
        seen = Seen(drawn(hostile.panel(payload)))
        assert seen.tags <= HARMLESS, payload
        assert seen.attributes <= ATTRIBUTES, payload
        assert seen.links == [], payload
        assert seen.open == [], payload


def test_templates_of_others_stay_text(hostile):
    text = drawn(hostile.panel("{{7*7}} {% raw %}"))
    assert "{{7*7}} {% raw %}" in text
    assert "49" not in text


def test_every_page_can_be_sent(hostile):
    for payload in hostile.payloads:
        text = drawn(hostile.panel(payload)).encode("utf-8").decode("utf-8")
        assert not re.search("[\x00-\x08\x1b\u202e\u2066]", text), payload


def test_endless_text_is_cut(hostile):
    text = html.sections(hostile.panel("x" * 1_000_000))["header"]
    assert len(text) < 60_000
    assert "x…" in text


def test_links_go_to_the_web_only():
    good = ("https://shop.example/orders/1", "http://127.0.0.1:9100/agent/tickets/1", "HTTPS://shop.example/a?b=c&d=e")
    bad = (
        *("", "javascript:alert(1)", " JavaScript:alert(1)", "java\nscript:alert(1)", "data:text/html,x", "//evil.com"),
        *("/orders/1", "https:/\\evil.com", "https://[::1", "vbscript:x", "https:evil", "https://x.com/" + "a" * 3000),
    )
    assert [html.safe_link(url) for url in good] == list(good)
    assert [html.safe_link(url) for url in bad] == [""] * len(bad)


def test_a_link_cannot_leave_its_attribute():
    header = Header(name="1", href='https://x.com/"onclick="__xss(1)', line="", pills=())
    assert 'href="https://x.com/&#34;onclick=&#34;__xss(1)"' in html.sections(Panel(as_of="", header=header))["header"]


def test_links_open_elsewhere_and_tell_nothing():
    text = html.sections(FULL)["header"]
    assert 'href="https://shop.example/1" target="_blank" rel="noopener noreferrer"' in text


def test_session_cannot_end_its_script_block():
    text = html.page(
        nonce="n", session={"token": "</script><script>__xss(1)</script>", "base": "'\""}, sdk_url="/s.js", static="/st"
    )
    assert "__xss(1)" in text
    assert "<script>__xss" not in text
    assert text.count("<script") == 4
    assert text.count("</script>") == 4


def test_page_runs_nothing_without_the_nonce():
    text = html.page(nonce="n0nce", session={}, sdk_url="/s.js", static="/static")
    scripts = re.findall(r"<script([^>]*)>", text)
    assert [("n0nce" in script) for script in scripts] == [True, True, False, True]
    assert 'type="application/json"' in scripts[2]
    assert not re.search(r"\son\w+=|<style|style=|javascript:", text)


def test_notice_says_its_sentence():
    text = html.notice(title="<b>No</b>", text="Reload & try", static="/static")
    assert "&lt;b&gt;No&lt;/b&gt;" in text
    assert "Reload &amp; try" in text


def test_sections_begin_empty_but_for_those_that_keep_a_place():
    text = html.page(nonce="n", session={"token": "t", "base": "/b"}, sdk_url="/s.js", static="/st")
    assert '<section data-section="actions" id="actions" class="section"></section>' in text
    assert 'id="header" class="section waiting"><div class="placeholder"' in text
    assert text.count('data-slot="actions"') == text.count('data-slot="requests"') == 2  # the page's, the template's
    assert len(re.findall(r' id="', text)) == len(set(re.findall(r' id="([^"]+)"', text)))


def test_our_own_page_loads_no_sdk_and_says_what_it_is():
    text = html.page(
        nonce="n0nce", host="hosted", static="/st", title="Order <1>", session={"token": "t", "base": "/panel"}
    )
    assert text.count("<script") == 2
    assert "<title>Order &lt;1&gt;</title>" in text
    assert '<body class="hosted">' in text
    assert '"host": "hosted"' in text


def test_an_empty_panel_takes_no_room():
    assert html.sections(Panel(as_of="14:05")) == dict.fromkeys(html.SECTIONS, "")


def test_what_is_still_awaited_is_not_called_missing():
    header = Header(name="1", href="", line="", pills=())
    waiting = html.sections(Panel(as_of="", header=header, waiting_for=("Stripe", "UPS")))
    over = html.sections(Panel(as_of="", header=header))
    part = html.sections(Panel(as_of="", header=header, waiting_for=("UPS",), waiting_in={"shipments": ("UPS",)}))
    assert '<span class="waits">asking UPS</span>' in part["shipments"]
    assert "asking" not in part["payments"]
    assert "Waiting for Stripe, UPS" in waiting["payments"]
    assert "No payment is known." not in waiting["payments"]
    assert "No payment is known." in over["payments"]
    assert "Nothing has been shipped yet." in over["shipments"]


FULL = Panel(
    as_of="14:05",
    header=Header(
        name="Order #48219",
        href="https://shop.example/1",
        line="Ada Lovelace | 18 Nov",
        pills=(Pill("Paid", Tone.GOOD), Pill("Fulfilled", Tone.GOOD), Pill("VIP", Tone.WARN)),
        rows=(Row("Total", "$129.00"),),
        note="Found by order number in the subject",
        warnings=("Not verified: found by the customer's e-mail only.",),
    ),
    picture=Picture(
        sentence="Ordered Wed 18 Nov. Promised for tomorrow, Tue 24 Nov. 2 scans, the last one 51 h ago.",
        stretches=(Stretch(80.0, 12.5, "promise"), Stretch(40.0, 30.0, "silence")),
        marks=(Mark(3.0, "ordered"), Mark(40.0, "scan"), Mark(97.0, "estimate"), Mark(70.0, "now")),
        captions=(Caption(70.0, "middle", "now", True), Caption(90.0, "end", "promised tomorrow")),
    ),
    requests=(
        Requested(
            id="ar_1",
            version=3,
            title="Refund $12.00",
            pill=Pill("Waiting for approval", Tone.WARN),
            asked="Robin Diaz asked at 14:03. Expires Mon 30 Nov, 14:03",
            reason="The lid is broken",
            facts=(Told("Items", "1 Skillet"),),
            said=("Dana Lopez approved at 14:04: Fine",),
            differences=("Refunded: $0.00 before, $5.00 now",),
            line="1 of 2 have agreed. Waiting for approval by Kim Novak.",
            is_open=True,
            may_decide=True,
            decide_label="Approve as it is now",
        ),
        Requested(
            id="ar_2",
            version=1,
            title="Hold the order",
            pill=Pill("Waiting for approval", Tone.WARN),
            asked="Robin Diaz asked at 14:01",
            reason="Wait for the address",
            is_open=True,
            why_not="You asked for it yourself: somebody else has to decide.",
            may_withdraw=True,
        ),
        Requested(
            id="ar_0",
            version=4,
            title="Refund $5.00",
            pill=Pill("Failed", Tone.BAD),
            asked="Robin Diaz asked Sun 22 Nov, 09:00",
            reason="Late",
            problem="Stripe refused it: charge_already_refunded",
        ),
        Requested(
            id="ar_00", version=4, title="Other", pill=Pill("Rejected"), asked="Robin Diaz asked", reason="Gift card"
        ),
    ),
    possible=(
        Possible(
            kind="refund",
            label="Refund",
            form=Form(
                kind="refund",
                title="Refund: #48219",
                submit="Ask for approval",
                note="Nothing happens before Dana Lopez agrees.",
                fields=(
                    Field(
                        name="mode",
                        kind="choice",
                        label="How much",
                        value="full",
                        choices=(Choice("full", "All"), Choice("items", "By item"), Choice("amount", "By amount")),
                    ),
                    Field(
                        name="items", kind="lines", label="Which", when="items", lines=(Line("482190", "Skillet", 2),)
                    ),
                    Field(
                        name="amount",
                        kind="money",
                        label="Amount",
                        is_required=True,
                        hint="Up to $129.00",
                        limit="129.00",
                        currency="USD",
                        when="amount",
                    ),
                    Field(name="details.restock", kind="check", label="Restock", value="true"),
                    Field(name="details.city", kind="text", label="Town"),
                    Field(name="reason", kind="area", label="Reason", is_required=True, longest=1000),
                ),
            ),
        ),
    ),
    not_now=(Refused("Cancel order", "A shipment is already on its way"),),
    promise=Promised(
        pill=Pill("At risk", Tone.BAD),
        line="Promised for tomorrow, Tue 24 Nov",
        source="According to the shop",
        risk="Chance of missing it: 75%",
        reasons=("UPS has not scanned it for 51 hours",),
    ),
    troubles=(
        Trouble(
            headline="Has had no carrier scan for 51 hours",
            pill=Pill("High", Tone.BAD),
            line="Since Sat 21 Nov, 11:05",
            reasons=("Last seen in Memphis",),
            href="https://desk.example/agent/tickets/4711",
            link="Ticket 4711",
        ),
    ),
    solved=(Trouble(headline="Payment failed", pill=Pill("Solved", Tone.GOOD), line="18 Nov to 18 Nov"),),
    payments=(
        Paid(
            title="Stripe, Visa ending 4242",
            pill=Pill("Paid", Tone.GOOD),
            rows=(Row("Amount", "$129.00"), Row("Can be refunded", "$129.00")),
            line="$129.00 can still be refunded.",
            warning="The customer's bank disputes $129.00. Answer by Fri 27 Nov, 14:05 (in 4 days).",
            attempts=(Row("Wed 18 Nov, 14:05", "Worked"), Row("Wed 18 Nov, 14:02", "The card has expired")),
        ),
    ),
    shipments=(
        Shipped(
            title="UPS",
            number="1Z999",
            href="https://www.ups.com/track?tracknum=1Z999",
            pill=Pill("On its way"),
            rows=(Row("Estimate", "Wed 25 Nov, first Mon 23 Nov"),),
            problem="Delayed by weather",
            scans=(
                Scanned(
                    when="Sat 21 Nov, 11:05",
                    hint="2026-11-21 10:05 local time",
                    text="Arrived at facility",
                    place="Memphis, TN, US",
                    local="10:05 there",
                    ago="51 h ago",
                    gap="No scan for 51 h",
                ),
                Scanned(when="Thu 19 Nov, 20:05", hint="", text="Departed", place="", gap="No scan for 39 h"),
            ),
        ),
    ),
    contacts=(Contacted(subject="Where is it?", line="open, 2 h ago", href="https://desk.example/agent/tickets/4712"),),
    notifications=(Happened(when="Sun 22 Nov, 09:00", text="email: Your parcel is late"),),
    history=(Happened(when="Wed 18 Nov, 14:05", text="Payment received"),),
    sources=(
        Source(name="Shopify", key="shop", tone=Tone.GOOD, text="as of 14:05"),
        Source(name="UPS", tone=Tone.BAD, text="did not answer in time", detail="Shown as of Sat 21 Nov, 11:06"),
    ),
    candidates=(
        Candidate(
            reference="5820", shop="shop", title="Order #1001", line="Ada · Wed 18 Nov · $5", match="order number"
        ),
    ),
    others=(
        Candidate(
            reference="5821",
            shop="shop",
            title="Order #1002",
            line="Wed 18 Nov · $5",
            pills=(Pill("Paid", Tone.GOOD), Pill("At risk", Tone.BAD)),
        ),
    ),
)


@pytest.mark.parametrize("name", [*html.SECTIONS, "candidates", "others"])
def test_sections_look_as_agreed(name):
    """The agreed HTML lies in `expected/`; after a wanted change delete the file, run twice, and look at the diff."""
    parts = html.sections(FULL) | {"candidates": html.candidates(FULL), "others": html.others(FULL.others)}
    found = parts[name]
    text = "\n".join(line.strip() for line in found.splitlines() if line.strip()) + "\n"
    path = EXPECTED / f"{name}.html"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
        pytest.fail(f"{path} was missing and has been written: look at it")
    assert text == path.read_text("utf-8")
