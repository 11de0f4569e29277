"""Our own pages in a real browser: signing in, the queue with and without scripts, and the panel of an order."""

import os

import httpx
import pytest
import pytest_asyncio
import uvicorn

from connectors.connection import Connection
from connectors.money import Money
from connectors.openid import OpenId, Settings
from connectors.order_actions import OrderActionKind
from server.approval_model import ApprovalState
from server.demo.people import CLIENT_ID, CLIENT_SECRET, DOMAIN
from server.flows.approvals import Ask
from server.model import Principal, Role
from tests.browser.conftest import _address, _listening, _running
from tests.browser.test_access import violations

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROBIN = Principal(workspace="acme", user="zendesk:901", role=Role.AGENT, via="desk")
DANA = Principal(workspace="acme", user=f"email:dana@{DOMAIN}", role=Role.AGENT, via="sign_in")
NAMES = {"sam": "Sam Ortiz", "dana": "Dana Lopez", "robin": "Robin Diaz", "kim": "Kim Novak", "lee": "Lee Park"}


class Visit:
    """Somebody's browser on our own pages."""

    def __init__(self, page, stage):
        self.page = page
        self.stage = stage
        self.errors = []
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    async def open(self, path):
        await self.page.goto(self.stage.server_url + path)

    async def sign_in(self, who, path="/app/acme/approvals"):
        """Open a page, and be somebody at the provider when it asks."""
        await self.open(path)
        await self.page.get_by_role("button", name=NAMES[who]).click()
        await self.page.wait_for_url(f"{self.stage.server_url}/**")
        return self

    async def text(self, selector="main"):
        return " ".join((await self.page.locator(selector).first.inner_text()).split())

    async def picture(self, name):
        if folder := os.environ.get("BEFOREHAND_SCREENSHOTS"):
            await self.page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest_asyncio.fixture(loop_scope="session")
async def provider(stage):
    """The sign-in provider where a browser finds it; its address."""
    people, listening = stage.world.people, _listening()
    issuer = _address(listening)

    def clients(_):
        return httpx.AsyncClient(transport=httpx.ASGITransport(app=people.app))

    workspace = stage.parts.workspaces["acme"]
    workspace.sign_in = OpenId(
        Settings(issuer=issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, allowed_domains=(DOMAIN,)),
        Connection(workspace="acme", name="sign_in", clock=stage.clock, clients=clients, allow_private=True),
        f"{stage.server_url}/sign-in/acme/callback",
    )
    config = uvicorn.Config(people.app, interface="asgi3", lifespan="off", log_config=None, access_log=False)
    async with _running(config, listening):
        yield issuer


@pytest.fixture
def visit(stage, new_page, provider):
    async def make(**options):
        return Visit((await new_page(**options)).page, stage)

    return make


async def known(stage):
    order = stage.stalled()
    await stage.know(order)
    return order


async def asked(stage, order, *, amount=1200, key="one", by=ROBIN, reason="The lid came broken"):
    ask = Ask(order=str(order.id), kind=OrderActionKind.REFUND, amount=Money(amount, "USD"), reason=reason)
    return await stage.parts.approvals.ask(by, ask, key)


async def now_is(stage, request):
    return await stage.parts.approvals.read(ROBIN, request.id)


async def test_sam_asks_on_the_order_s_page_and_dana_approves(stage, visit):
    order = await known(stage)
    sam = await (await visit()).sign_in("sam", f"/app/acme/orders/{order.id}")
    assert sam.page.url.endswith(f"/app/acme/orders/{order.id}")
    await sam.page.locator("main:not([aria-busy])").wait_for(timeout=15_000)
    assert "Order #48219" in await sam.text("#header h2")
    await sam.page.locator("main").get_by_role("button", name="Refund", exact=True).click()
    await sam.page.get_by_label("By amount").check()
    form = sam.page.locator("form.ask")
    await form.get_by_label("Amount").and_(form.locator("input:not([type=radio])")).fill("12.00")
    await form.get_by_label("Reason").fill("The lid came broken")
    await sam.page.locator("main").get_by_role("button", name="Ask for approval", exact=True).click()
    await sam.page.locator(".outcome").wait_for()
    (request,) = await stage.parts.approvals.list("acme", (), 10)
    assert request.requester.id == f"email:sam@{DOMAIN}"

    # Sam cannot, and is told why.
    await sam.open("/app/acme/approvals")
    assert "Somebody else has to decide what you have asked for." in await sam.text()
    assert await sam.page.get_by_role("button", name="Approve").count() == 0
    assert await sam.page.get_by_role("button", name="Take back").count() == 1

    dana = await (await visit()).sign_in("dana")
    assert f"Refund $12.00 Waiting for approval Order #48219 sam@{DOMAIN} asked" in await dana.text()
    await dana.page.get_by_label("Your reason").fill("Photo received")
    await dana.page.get_by_role("button", name="Approve").click()
    await dana.page.get_by_text("You approved this request.").wait_for()
    after = await now_is(stage, request)
    assert after.state in (ApprovalState.APPROVED, ApprovalState.EXECUTING)
    assert [(found.person.id, found.reason) for found in after.decisions] == [("dana", "Photo received")]
    assert dana.errors == []
    assert sam.errors == []


async def test_without_scripts_everything_that_is_decided_works(stage, visit, provider):
    order = await known(stage)
    first = await asked(stage, order)
    second = await asked(stage, order, key="two", amount=500, reason="Late")
    dana = await (await visit(java_script_enabled=False)).sign_in("dana")
    assert dana.page.url == f"{stage.server_url}/app/acme/approvals"
    entry = dana.page.locator(f"#request-{second.id}")
    await entry.get_by_label("Your reason").fill("It came in time")
    await entry.get_by_role("button", name="Reject").click()
    assert "You rejected this request." in await dana.text()
    assert (await now_is(stage, second)).state is ApprovalState.REJECTED
    await dana.page.get_by_role("link", name="All requests").click()
    entry = dana.page.locator(f"#request-{first.id}")
    await entry.get_by_label("Your reason").fill("Go ahead")
    await entry.get_by_role("button", name="Approve").click()
    assert "You approved this request." in await dana.text()
    assert len((await now_is(stage, first)).decisions) == 1
    await dana.page.get_by_role("button", name="Sign out").click()
    assert "You have signed out" in await dana.text()
    await dana.open("/app/acme/approvals")
    assert dana.page.url.startswith(f"{provider}/authorize")


async def test_what_was_decided_in_another_tab_is_said(stage, visit):
    request = await asked(stage, await known(stage))
    dana = await (await visit()).sign_in("dana")
    other = Visit(await dana.page.context.new_page(), stage)
    await other.open("/app/acme/approvals")
    for tab in (dana, other):
        await tab.page.get_by_label("Your reason").fill("Go ahead")
    await dana.page.get_by_role("button", name="Approve").click()
    await dana.page.get_by_text("You approved this request.").wait_for()
    await other.page.get_by_role("button", name="Approve").click()
    await other.page.get_by_role("alert").wait_for()
    assert "It was already approved." in await other.text()
    assert len((await now_is(stage, request)).decisions) == 1


async def test_whoever_is_not_let_in_reads_why(stage, visit):
    lee = await (await visit()).sign_in("lee")
    assert "the provider has not verified the e-mail address" in await lee.text()
    assert await violations(lee.page.main_frame) == []
    assert await lee.page.context.cookies() == []
    await lee.picture("hosted-not-signed-in")


async def test_the_cookie_is_out_of_reach_of_scripts(stage, visit):
    dana = await (await visit()).sign_in("dana")
    assert await dana.page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]
    (cookie,) = await dana.page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("beforehand", True, "Lax")


async def test_text_of_others_runs_nowhere(stage, visit):
    order = await known(stage)
    hostile = '"><img src=x onerror="document.title=1"><script>document.title=2</script>'
    request = await asked(stage, order, reason=hostile)
    dana = await (await visit()).sign_in("dana", f"/app/acme/approvals/{request.id}")
    assert hostile in await dana.text()
    assert (await dana.page.title()).startswith("Refund $12.00, Order #48219")
    assert dana.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1180])
async def test_the_queue_is_for_everybody(stage, visit, scheme, width):
    order = await known(stage)
    await asked(stage, order, key="one")
    closed = await asked(stage, order, key="two", amount=700, reason="Late by " + "very " * 40)
    await asked(stage, order, key="three", amount=900, by=DANA, reason="The pan is scratched")
    await stage.parts.approvals.withdraw(ROBIN, closed.id, "", closed.version)
    dana = await (await visit(color_scheme=scheme, viewport={"width": width, "height": 900})).sign_in("dana")
    assert await violations(dana.page.main_frame) == []
    assert await dana.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    heights = await dana.page.locator(".decide button").evaluate_all("all => all.map(b => b.offsetHeight)")
    assert min(heights) >= 40  # a thumb hits it
    await dana.picture(f"hosted-queue-{scheme}-{width}")
    await dana.page.locator("article h3 a").first.click()
    assert await violations(dana.page.main_frame) == []
    await dana.picture(f"hosted-request-{scheme}-{width}")


async def test_the_keyboard_reaches_everything(stage, visit):
    await asked(stage, await known(stage))
    dana = await (await visit()).sign_in("dana")
    reached = []
    for _ in range(12):
        await dana.page.keyboard.press("Tab")
        text = await dana.page.evaluate("document.activeElement.innerText || ''")
        reached.append(text.partition("\n")[0].partition(":")[0])
    assert reached == [
        *("Skip to the content", "Approvals", "Sign out", "All", "Waiting", "Approved", "Failed", "Not approved"),
        *("Refund $12.00", "Order #48219", "", "Approve"),
    ]


async def test_an_order_s_page_is_for_everybody(stage, visit):
    order = await known(stage)
    dana = await (await visit(viewport={"width": 390, "height": 900})).sign_in("dana", f"/app/acme/orders/{order.id}")
    await dana.page.locator("main:not([aria-busy])").wait_for(timeout=15_000)
    assert await violations(dana.page.main_frame) == []
    assert await dana.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await dana.picture("hosted-order-390")
