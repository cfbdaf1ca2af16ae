"""Making a token in a real browser, using it, revoking it."""

import pytest
from playwright.sync_api import expect

from tests.annotation.calling import Caller
from tests.cast import World
from tests.journeys.conftest import OpenPage

pytestmark = pytest.mark.browser


def test_a_token_is_made_copied_used_and_revoked(open_page: OpenPage, lived_in: World) -> None:
    page = open_page(lived_in.ada, "/account/tokens/")
    page.get_by_label("Name").fill("night import")
    page.get_by_label("Read what its user may see").check()
    page.get_by_label("Only in").select_option(label="Everyday advice")
    page.get_by_role("button", name="Make token").click()
    expect(page.get_by_role("alert")).to_contain_text("Copy the new token now")
    secret = page.get_by_label("The new token").input_value()
    expect(page.get_by_role("row", name="night import")).to_contain_text("never")
    assert Caller(secret).get("/me/").json()["token"]["project"] == "advice"
    page.reload()
    page.goto("/account/tokens/")
    assert secret not in page.content()
    page.get_by_role("button", name="Revoke night import").click()
    expect(page.get_by_role("main")).to_contain_text("You have none")
    assert Caller(secret).get("/me/").status_code == 401
