"""What an agent sees and does, in a real browser."""

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_first_look(stage, new_page):
    order = stage.stalled()
    key = await stage.know(order)
    ticket = stage.ticket(f"Where is order {order.name}?", "Hello, any news?")
    await stage.link_issues(key, ticket)
    page = await new_page()
    await (await page.open(ticket)).settled()
    print(await page.app.locator("body").inner_text(), page.errors)
    await page.picture("first")
