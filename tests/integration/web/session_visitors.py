"""What a visitor of the pages does: signs in, signs out, and looks whether they still are."""

from fixtures import signing_in


async def sign_in(browser, role="role_administrator"):
    person = {"account": browser.account, "name": "Siti binti Ali", "agency": "MAMPU", role: "on"}
    form = await signing_in.asked_by_issuer(browser, "/my/")
    answer = await browser.get(await signing_in.said_at_issuer(form, person, browser.cookies))
    assert answer.status_code == 303, answer.text


async def sign_out(browser):
    """As a browser does: to the issuer, and back; where it was led to there."""
    origin = {"Origin": str(browser.base_url).rstrip("/")}
    answer = await browser.post("/account/logout", headers=origin)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def is_signed_in(browser, replicas, area="/my"):
    """Whether each replica knows who it is; all say the same."""
    answers = [await browser.get(f"{address}{area}/") for address in replicas]
    statuses = {answer.status_code for answer in answers}
    assert statuses in ({200}, {303}), statuses
    return statuses == {200}
