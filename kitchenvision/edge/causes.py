"""Why a camera gives no picture, and what a person can do about it, in plain words."""

from enum import StrEnum

from kitchenvision.errors import SourceBroken, SourceUnreadable
from kitchenvision.frames.dialing import (
    CameraRefused,
    CameraUnreachable,
    CodecUnsupported,
    ConnectionRefused,
    NoSuchStream,
)


class Cause(StrEnum):
    """Each is a label of the metrics and has its advice."""

    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    WRONG_PASSWORD = "wrong password"
    NO_SUCH_STREAM = "no such stream"
    CODEC_UNSUPPORTED = "codec unsupported"
    NO_VIDEO = "no video"
    ENDED = "ended"
    STALLED = "stalled"
    CLOCK_JUMP = "clock jump"
    CRASHED = "crashed"


# A person must change something first: asking every second would only fill the camera's log or lock its account.
NEEDS_A_PERSON = frozenset({Cause.WRONG_PASSWORD, Cause.NO_SUCH_STREAM, Cause.CODEC_UNSUPPORTED, Cause.NO_VIDEO})

ADVICE: dict[Cause, dict[str, str]] = {
    Cause.UNREACHABLE: {
        "en": "No answer. Is the camera powered and on the network? Check its address and the cable.",
        "zh": "没有应答。请检查摄像机是否通电、联网，地址和网线是否正确。",
    },
    Cause.REFUSED: {
        "en": "The device answers but not on this port. It may be starting; else check the port (RTSP: 554).",
        "zh": "设备在线，但该端口拒绝连接。设备可能正在启动；否则请检查端口（RTSP 一般为 554）。",
    },
    Cause.WRONG_PASSWORD: {
        "en": "The camera refuses this user or password. Correct them; too many tries can lock the account.",
        "zh": "用户名或密码不正确。请更正；尝试次数过多可能导致账号被锁定。",
    },
    Cause.NO_SUCH_STREAM: {
        "en": "The camera knows no stream of this name. Check the path of the address, also the channel number.",
        "zh": "摄像机上没有这个码流。请检查地址中的路径和通道号。",
    },
    Cause.CODEC_UNSUPPORTED: {
        "en": "Video comes but cannot be decoded. Set the camera to H.264 or H.265, without 'smart' codecs.",
        "zh": "收到视频但无法解码。请把摄像机编码改为 H.264 或 H.265，并关闭智能编码。",
    },
    Cause.NO_VIDEO: {
        "en": "Something answers but sends no video. Is this the address of the stream and not of a web page?",
        "zh": "有应答但没有视频。请确认这是码流地址，而不是网页地址。",
    },
    Cause.ENDED: {
        "en": "The camera ended the stream; it is being called again. Often: is its limit of viewers reached?",
        "zh": "摄像机断开了码流，正在重连。如果经常发生，请检查同时观看人数是否超限。",
    },
    Cause.STALLED: {
        "en": "Connected, but no picture comes. Often a weak link: check the cable and lower the bit rate.",
        "zh": "已连接但没有画面。常见原因是网络不稳：请检查网线，或降低码率。",
    },
    Cause.CLOCK_JUMP: {
        "en": "This box's clock was set while it ran. Set up time synchronisation (NTP).",
        "zh": "本机时钟在运行中被调整。请配置时间同步（NTP）。",
    },
    Cause.CRASHED: {
        "en": "The decoder crashed and was started again. If it repeats, change the codec or the resolution.",
        "zh": "解码器崩溃，已重新启动。如果反复发生，请降低分辨率或更换编码。",
    },
}


def cause_of(error: Exception) -> Cause:
    """Which cause an error of a source is; order matters, since the errors are a tree."""
    known: tuple[tuple[type[Exception], Cause], ...] = (
        (CameraRefused, Cause.WRONG_PASSWORD),
        (NoSuchStream, Cause.NO_SUCH_STREAM),
        (CodecUnsupported, Cause.CODEC_UNSUPPORTED),
        (ConnectionRefused, Cause.REFUSED),
        (CameraUnreachable, Cause.UNREACHABLE),
        (SourceUnreadable, Cause.NO_VIDEO),
        (SourceBroken, Cause.ENDED),
    )
    return next((cause for kind, cause in known if isinstance(error, kind)), Cause.UNREACHABLE)
