"""What the page must not do in a real browser: run what others wrote, or show itself where it does not belong."""

import asyncio

import pytest

from server.demo.orders import Person

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVIL = (
    '"><img src=x onerror=__xss(1)>',
    "</script><script>__xss(2)</script>",
    "'-__xss(3)-'",
    "javascript:__xss(4)",
    "<svg/onload=__xss(5)>",
    "{{7*7}}${7*7}",
    "<iframe srcdoc='<script>parent.__xss(6)</script>'>",
    "` onmouseover=__xss(7) `",
    "a\u2028b\u202ec",
)
COUNTER = "window.__xss = (...found) => { (window.__found = window.__found || []).push(found); };"


@pytest.mark.parametrize("evil", EVIL)
async def test_text_from_outside_never_runs(stage, new_page, evil):
    person = Person(502, evil, "eve@example.com", evil, "OR", tags=(evil,))
    order = stage.order(person, title=evil)
    stage.parcel(order, (60, "in_transit", evil, evil, "TN"), (2, "in_transit", evil, evil, "TN"))
    await stage.know(order)
    ticket = stage.ticket(f"Order {order.name} {evil}", evil, person)
    stage.note(ticket, evil)
    page = await new_page()
    await page.page.add_init_script(COUNTER)
    await (await page.open(ticket)).settled()
    assert await page.text("#header h2") == f"Order {order.name}"
    await page.app.locator("#shipments summary").click()
    frame = await page.frame()
    tags = await frame.evaluate("[...new Set([...document.body.querySelectorAll('*')].map(e => e.tagName))]")
    assert not {"IMG", "SVG", "IFRAME", "SCRIPT"} & set(tags)
    # The one picture is ours.
    assert await frame.evaluate("document.querySelectorAll('svg:not(.picture), svg *[onload]').length") == 0
    attributes = (
        "[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames()).filter(n => n.startsWith('on'))"
    )
    assert await frame.evaluate(attributes) == []
    assert await frame.evaluate("[...document.links].filter(a => !/^https?:/.test(a.protocol)).length") == 0
    for where in (frame, page.page):
        assert await where.evaluate("window.__found || null") is None
    assert page.errors == []


async def test_the_policy_stops_what_it_should(stage, new_page):
    order = stage.stalled()
    page = await (await (await new_page()).open(stage.ticket(f"Order {order.name}"))).settled()
    frame = await page.frame()
    violated = await frame.evaluate(
        """async () => {
            const found = [];
            document.addEventListener("securitypolicyviolation", (event) => found.push(event.effectiveDirective));
            const script = document.createElement("script");
            script.textContent = "window.__ran = true";
            document.body.append(script);
            const style = document.createElement("style");
            style.textContent = "body { opacity: .5 }";
            document.body.append(style);
            const image = document.createElement("img");
            image.src = "https://example.com/x.png";
            document.body.append(image);
            await fetch("https://example.com/").catch(() => {});
            await new Promise((done) => setTimeout(done, 100));
            return [...new Set(found)];
        }"""
    )
    assert set(violated) >= {"script-src-elem", "style-src-elem", "img-src", "connect-src"}
    assert await frame.evaluate("window.__ran") is None


async def test_another_site_cannot_frame_it(stage, new_page):
    order = stage.stalled()
    ticket = stage.ticket(f"Order {order.name}")
    page = await new_page()
    # Another origin to the browser, although it is the same simulated helpdesk.
    await page.page.goto(stage.ticket_url(ticket).replace("127.0.0.1", "localhost"))
    await page.until(lambda: any("frame-ancestors" in error for error in page.errors))
    assert all("/sidebar/zendesk" not in frame.url for frame in page.page.frames[1:])


async def test_messages_of_others_are_ignored(stage, new_page):
    order = stage.stalled()
    other = stage.order(title="Somebody else's")
    page = await (await (await new_page()).open(stage.ticket(f"Order {order.name}"))).settled()
    frame = await page.frame()
    asked = len(stage.world.shopify.calls)
    await frame.evaluate("window.postMessage({key: 'zaf.ticket.updated', message: {}}, '*')")
    await frame.evaluate("window.postMessage({id: 1, result: {'ticket.id': 1, errors: {}}}, '*')")
    await asyncio.sleep(0)
    await page.page.wait_for_timeout(600)
    assert len(stage.world.shopify.calls) == asked
    assert await page.text("#header h2") == f"Order {order.name}"
    assert other.name not in await page.text("body")
