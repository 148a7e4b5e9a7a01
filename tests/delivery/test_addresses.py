"""Addresses that nothing can be reached at are refused when they are given, not at night when they are called."""

from collections.abc import Callable

import httpx
import pytest
from builders import START
from delivery.fake_regulator import BASE, TOKEN

from kitchenvision.delivery import RegulatorAway, make_client
from kitchenvision.delivery.box import BoxLink
from kitchenvision.delivery.live import LiveLink, as_body
from kitchenvision.delivery.message import Message
from kitchenvision.delivery.webhook import SIGNATURE, TIMESTAMP, Webhook, signature_of
from kitchenvision.errors import DeliveryRefused, DeliveryRetry, SettingsError
from kitchenvision.wire import LiveBatch, LivePicture, LiveState

STATE = LiveState(since=START, reason="covered")
IMPOSSIBLE = {
    "an empty label": "https://regulator..example",
    "only dots": "https://..",
    "a label too long": "https://" + "a" * 64 + ".example",
    "a port beyond the last": "https://regulator.example:65536",
    "no port": "https://regulator.example:0",
    "a port of letters": "https://regulator.example:https",
    "a broken name in other letters": "https://xn--a",
    "half a letter": "https://regulator.example/\ud800",
    "half an address": "https://[::1",
    "too long": "https://regulator.example/" + "a" * 70_000,
}


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_an_impossible_address_is_a_mistake_in_the_settings(what: str) -> None:
    with pytest.raises(SettingsError, match="regulator address: it is no address"):
        make_client(IMPOSSIBLE[what], TOKEN)
    with pytest.raises(SettingsError, match="webhook: it is no address"):
        Webhook(IMPOSSIBLE[what], "")


@pytest.mark.parametrize(
    "address",
    [
        "https://监管.example",
        "https://regulator.example.",
        "https://regulator.example:65535",
        "https://[2001:db8::1]:8443/base/",
        "http://127.0.0.2:8600",
    ],
)
def test_an_unusual_address_is_taken(address: str) -> None:
    with make_client(address, TOKEN) as client:
        assert client.base_url.path.endswith("/api/v1/")
    Webhook(address, "").close()


def line(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
    return make_client(BASE, TOKEN, transport=httpx.MockTransport(answer))


@pytest.mark.parametrize("camera", ["cam-1", "厨房/1", "a b?c#d", "100%", "../blobs"])
def test_whatever_a_camera_is_called_its_state_goes_to_its_own_place_on_the_wall(camera: str) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"next_in_s": 30})

    with line(answer) as client:
        assert LiveLink(client).blind(camera, STATE) == 30.0
    (request,) = asked
    assert request.url.raw_path.count(b"/") == 5, "/api/v1/live/CAMERA/state"
    assert request.url.path.removeprefix("/api/v1/live/").removesuffix("/state") == camera
    assert LiveState.model_validate_json(request.content) == STATE


@pytest.mark.parametrize(
    "body",
    ["", "<html>", "{}", '{"next_in_s": 0}', '{"next_in_s": -1}', '{"next_in_s": 3601}', '{"next_in_s": NaN}'],
)
def test_a_wall_that_does_not_say_when_to_come_again_is_no_regulator(body: str) -> None:
    batch = LiveBatch(pictures=(LivePicture(camera_id="cam", captured_at=START, jpeg=b"/9j/2Q=="),))
    with (
        line(lambda _: httpx.Response(200, text=body)) as client,
        pytest.raises(RegulatorAway, match="when to send"),
    ):
        LiveLink(client).pictures(as_body(batch))


@pytest.mark.parametrize(
    ("status", "wall", "box"),
    [
        (404, RegulatorAway, DeliveryRefused),
        (401, RegulatorAway, RegulatorAway),
        (503, RegulatorAway, RegulatorAway),
        (302, RegulatorAway, RegulatorAway),
        (422, DeliveryRefused, DeliveryRefused),
    ],
)
def test_what_an_older_regulator_does_not_know_is_refused_and_what_passes_is_away(
    status: int, wall: type[Exception], box: type[Exception]
) -> None:
    with line(lambda _: httpx.Response(status)) as client:
        with pytest.raises(wall):
            LiveLink(client).blind("cam", STATE)
        with pytest.raises(box):
            BoxLink(client).tell(b"{}")


def test_a_line_that_is_cut_names_the_address_and_not_the_token() -> None:
    def cut(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route to host")

    with (
        line(cut) as client,
        pytest.raises(RegulatorAway, match=rf"{BASE} cannot be reached: ConnectError") as away,
    ):
        BoxLink(client).tell(b"{}")
    assert TOKEN not in str(away.value)


@pytest.mark.parametrize("secret", ["", "a secret", "密码"])
def test_who_knows_the_secret_can_check_that_a_message_is_ours_and_when_it_was_sent(secret: str) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(204)

    hook = Webhook("https://hook.example/x?key=1", secret, lambda: START, httpx.MockTransport(answer))
    hook.send(Message("m-1", "没戴帽子", "厨房", [{"kind": "confirmed"}], b"\xff\xd8"))
    (request,) = asked
    assert request.headers[TIMESTAMP] == str(int(START.timestamp()))
    assert (SIGNATURE in request.headers) == bool(secret)
    if secret:
        signed = signature_of(secret.encode(), request.headers[TIMESTAMP], request.content)
        assert request.headers[SIGNATURE] == f"sha256={signed}"
        assert signature_of(secret.encode(), "0", request.content) != signed, "an old message cannot be sent again"
    assert "没戴帽子".encode() in request.content


@pytest.mark.parametrize("status", [300, 302, 400, 404, 500])
def test_a_receiver_that_did_not_take_a_message_is_named_by_host_alone(status: int) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, headers={"Location": "https://thief.example"}))
    hook = Webhook("https://hook.example/secret-path?key=secret", "", lambda: START, transport)
    with pytest.raises(DeliveryRetry, match=rf"^https://hook\.example answers HTTP {status}$"):
        hook.send(Message("m-1", "t", "x", []))
