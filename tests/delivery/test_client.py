"""Where the token may go, and where it may not."""

import httpx
import pytest

from kitchenvision.delivery import make_client
from kitchenvision.errors import SettingsError


@pytest.mark.parametrize(
    ("address", "base"),
    [
        ("https://regulator.example", "https://regulator.example/api/v1/"),
        ("https://regulator.example:8443/kitchens/", "https://regulator.example:8443/kitchens/api/v1/"),
        ("https://regulator.example/?utm=1#top", "https://regulator.example/api/v1/"),
        ("http://127.0.0.1:8600", "http://127.0.0.1:8600/api/v1/"),
        ("http://localhost:8600/", "http://localhost:8600/api/v1/"),
        ("http://[::1]:8600", "http://[::1]:8600/api/v1/"),
    ],
)
def test_https_and_this_machine_are_fine(address: str, base: str) -> None:
    with make_client(address, "token") as client:
        assert str(client.base_url) == base
        assert client.headers["Authorization"] == "Bearer token"
        assert client.headers["User-Agent"].startswith("kitchenvision/")
        assert not client.follow_redirects


@pytest.mark.parametrize(
    "address", ["http://regulator.example", "http://10.0.0.5:8600", "http://localhost.example"]
)
def test_http_to_another_machine_must_be_allowed(address: str) -> None:
    with pytest.raises(SettingsError, match="would send token and pictures readable for all"):
        make_client(address, "token")
    make_client(address, "token", allow_http=True).close()


@pytest.mark.parametrize(
    "address",
    ["", "regulator.example", "ftp://regulator.example", "https://", "https://a:b@c.example", "https://[::1"],
)
def test_what_is_no_address_is_refused_without_repeating_a_password(address: str) -> None:
    with pytest.raises(SettingsError, match="regulator address") as caught:
        make_client(address, "token")
    assert "a:b" not in str(caught.value)


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "中文", "tab\t"])
def test_a_token_that_cannot_be_sent_is_refused_without_repeating_it(token: str) -> None:
    with pytest.raises(SettingsError, match="regulator token") as caught:
        make_client("https://regulator.example", token)
    assert not token or token not in str(caught.value)


def test_a_redirect_does_not_carry_the_token_away() -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(302, headers={"Location": "https://thief.example/"})

    with make_client("https://regulator.example", "token", transport=httpx.MockTransport(handler)) as client:
        assert client.post("/reports").status_code == 302
    assert asked == ["regulator.example"]
