"""What `camera check` and `camera probe` advise, in both languages."""

ADVICE_WORDS: dict[str, dict[str, str]] = {
    "advice_none": {"en": "Nothing to change.", "zh": "无需调整。"},
    "advice_dark": {
        "en": "The picture is dark (median level {level} of 255): more light, or a longer exposure.",
        "zh": "画面偏暗（中位亮度 {level}，满分 255）：请增加照明，或延长曝光时间。",
    },
    "advice_burnt": {
        "en": "{share} of the picture is burnt white: turn the camera away from windows and lamps, or switch its "
        "backlight compensation (WDR) on.",
        "zh": "画面有 {share} 过曝发白：请避开窗户和灯具，或打开摄像机的宽动态（WDR）。",
    },
    "advice_small": {
        "en": "{rule} needs heads of {least} pixels; in {parts} they have down to {px}: zoom in {factor} times, or "
        "hang the camera at {distance} of the distance.",
        "zh": "{name}（{rule}）要求头部至少 {least} 像素；{parts} 区最小只有 {px}：请放大 {factor} 倍，"
        "或把安装距离缩短到 {distance}。",
    },
    "advice_small_sub": {
        "en": "{rule} needs heads of {least} pixels; in {parts} they have down to {px}: zoom in {factor} times, or "
        "hang the camera at {distance} of the distance, or take a stream of more pixels.",
        "zh": "{name}（{rule}）要求头部至少 {least} 像素；{parts} 区最小只有 {px}：请放大 {factor} 倍，"
        "或把安装距离缩短到 {distance}，或改用分辨率更高的码流。",
    },
    "advice_nobody": {
        "en": "Hardly anybody was seen in {seconds} s: let somebody walk through all of the kitchen meanwhile.",
        "zh": "{seconds} 秒内几乎没有看到人：检查时请有人在厨房各处走动。",
    },
    "advice_blurred": {
        "en": "{share} of the heads are blurred: wipe the lens, set the focus, shorten the exposure.",
        "zh": "{share} 的头部模糊：请擦拭镜头、调整对焦、缩短曝光时间。",
    },
    "advice_turned": {
        "en": "{rule}: {share} of the heads that are large enough are turned away or hidden: hang the camera where "
        "people face it.",
        "zh": "{name}（{rule}）：足够大的头部中有 {share} 背对镜头或被遮挡：请把摄像机装在人员正对的位置。",
    },
    "advice_empty": {
        "en": "Nobody stood in {zones}: is that zone where people stand?",
        "zh": "{zones} 内没有人站立：该区域是否画在人员站立的位置？",
    },
    "advice_zone": {
        "en": "In {zone} {rule} is due, and {missed} of {heads} heads could not be judged (median {px} pixels).",
        "zh": "区域 {zone} 要求检查{name}（{rule}），但 {heads} 个头部中有 {missed} 个无法判断（中位 {px} 像素）。",
    },
    "advice_main": {
        "en": "{size} is a main stream: try the sub-stream, it costs a tenth; keep this one only if heads are "
        "smaller than 24 pixels on the sub-stream.",
        "zh": "{size} 是主码流：请改用子码流，开销只有十分之一；只有子码流上头部小于 24 像素时才用主码流。",
    },
    "advice_codec": {
        "en": "{codec} needs much bandwidth for its quality: set the camera to H.264 or H.265.",
        "zh": "{codec} 占用带宽过多：请把摄像机编码设为 H.264 或 H.265。",
    },
    "advice_fps": {
        "en": "{fps} frames a second are few: violations need longer; set at least {least}.",
        "zh": "每秒 {fps} 帧偏少，确认违规需要更久：请至少设为 {least}。",
    },
    "advice_keys": {
        "en": "Key frames come up to {seconds} s apart: clips begin that much earlier, and a stream that is called "
        "again shows nothing for so long; set one every 1 to 2 s.",
        "zh": "关键帧间隔最长 {seconds} 秒：片段会相应提前开始，重连后也要等这么久才有画面；"
        "请设为每 1 至 2 秒一个。",
    },
}
