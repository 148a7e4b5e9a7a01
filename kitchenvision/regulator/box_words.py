"""Words on what an edge box says of itself: Chinese, English."""

PAIRS: dict[str, tuple[str, str]] = {
    "box.title": ("软件与模型", "Software and model"),
    "box.untold": ("尚未上报", "not told yet"),
    "box.since": ("{age}启动", "started {age}"),
    "box.told": ("{age}上报", "told {age}"),
    "box.cameras": ("{n} 路摄像头", "{n} cameras"),
    "box.live": ("有画面", "live"),
    "box.dark": ("无画面", "no picture"),
    "box.loading": ("正在加载模型", "is loading its model"),
    "box.mixed": ("各摄像头的模型不一致", "not all cameras have the same model"),
    "box.clock_off": ("时钟未同步", "clock not synchronised"),
    "box.profile": ("模式 {name}", "profile {name}"),
    "box.shadow": ("试运行模型", "A model looks along"),
    "box.shadow_frames": (
        "看了 {looked} 帧，跳过 {left_out} 帧，出错 {errors} 次",
        "{looked} frames looked at, {left_out} left out, {errors} errors",
    ),
    "box.shadow_rule": (
        "{rule}：两模型都可判断 {both} 次，其中相反 {opposite} 次；仅现用可判断 {old} 次，仅试用可判断 {new} 次",
        "{rule}: judged by both {both} times, {opposite} of them opposite; "
        "by the old alone {old}, by the new alone {new}",
    ),
    "box.shadow_found": (
        "违规：两者都会确认 {both}，仅现用 {old}，仅试用 {new}",
        "violations: both {both}, the old alone {old}, the new alone {new}",
    ),
}
