"""Words of the messages to the canteen's own people, in both languages."""

NOTICE_WORDS: dict[str, dict[str, str]] = {
    "notice_violation_title": {"en": "violations: {n}", "zh": "违规 {n} 条"},
    "notice_blind_title": {"en": "blind cameras: {n}", "zh": "{n} 路摄像机无法观察"},
    "notice_back_title": {"en": "cameras that see again: {n}", "zh": "{n} 路摄像机已恢复"},
    "notice_disk_title": {"en": "little disk space", "zh": "磁盘空间不足"},
    "notice_join": {"en": ", ", "zh": ","},
    "notice_violation": {"en": "{camera}: {rule} ({zone})", "zh": "{camera}:{rule}({zone})"},
    "notice_blind": {"en": "{camera} cannot see. {why}", "zh": "{camera}：无法观察。{why}"},
    "notice_back": {"en": "{camera} sees again", "zh": "{camera}：已恢复"},
    "notice_disk": {
        "en": "Little space is left on the disk of the box: delivered evidence is being deleted.",
        "zh": "本机磁盘空间不足：正在删除已送达的证据。",
    },
    "notice_more": {"en": "and {n} more", "zh": "另有 {n} 条"},
}
