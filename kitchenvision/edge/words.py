"""The status page's words in both languages."""

from datetime import timedelta
from typing import Literal

from kitchenvision.edge.advice_words import ADVICE_WORDS
from kitchenvision.edge.edit_words import EDIT_WORDS
from kitchenvision.edge.notice_words import NOTICE_WORDS

Language = Literal["zh", "en"]

WORDS: dict[str, dict[str, str]] = (
    EDIT_WORDS
    | NOTICE_WORDS
    | ADVICE_WORDS
    | {
        "title": {"en": "Cameras", "zh": "摄像机"},
        "live": {"en": "live", "zh": "实时"},
        "connecting": {"en": "connecting", "zh": "连接中"},
        "dead": {"en": "no picture", "zh": "无画面"},
        "backing off": {"en": "no picture", "zh": "无画面"},
        "of_live": {"en": "{live} of {all} cameras give a picture", "zh": "{all} 路摄像机中 {live} 路有画面"},
        "since": {"en": "no picture for {age}", "zh": "已 {age}无画面"},
        "never": {"en": "no picture yet", "zh": "尚无画面"},
        "last_picture": {"en": "last picture {age} ago", "zh": "最后画面：{age}前"},
        "next_try": {"en": "next try in {age}", "zh": "{age}后重试"},
        "trying": {"en": "calling now", "zh": "正在重试"},
        "ago": {"en": "{age} ago", "zh": "{age}前"},
        "too dark": {"en": "too dark", "zh": "画面过暗"},
        "covered": {"en": "lens covered", "zh": "镜头被遮挡"},
        "out of focus": {"en": "out of focus", "zh": "画面模糊"},
        "frozen": {"en": "picture frozen", "zh": "画面冻结"},
        "moved": {"en": "camera moved", "zh": "摄像机移位"},
        "fps": {"en": "looked at", "zh": "分析帧率"},
        "lag": {"en": "delay", "zh": "延迟"},
        "dropped": {"en": "dropped", "zh": "丢弃帧"},
        "last": {"en": "last finding", "zh": "最近发现"},
        "none": {"en": "none", "zh": "无"},
        "no_hat": {"en": "no hat", "zh": "未戴工作帽"},
        "no_mask": {"en": "no mask", "zh": "未戴口罩"},
        "smoking": {"en": "smoking", "zh": "抽烟"},
        "waiting": {"en": "reports waiting", "zh": "待上报"},
        "oldest": {"en": "oldest {age}", "zh": "最早 {age}前"},
        "delivered": {"en": "delivered", "zh": "已送达"},
        "dead_letters": {"en": "refused for good", "zh": "被拒收"},
        "disk": {"en": "disk free", "zh": "磁盘剩余"},
        "disk_low": {
            "en": "little space is left: delivered evidence is being deleted",
            "zh": "空间不足：正在删除已送达的证据",
        },
        "no_regulator": {"en": "no regulator is set: reports stay here", "zh": "未配置监管平台：报告保存在本机"},
        "not_delivered": {"en": "not delivered:", "zh": "未能送达："},
        "unsaved": {"en": "{n} findings wait for disk space", "zh": "{n} 条结果等待磁盘空间"},
        "stale": {
            "en": "This page has lost its service; what it shows is old.",
            "zh": "页面与服务失去连接，显示的内容已过时。",
        },
        "untold": {"en": "somebody cannot be told: {who}", "zh": "通知失败：{who}"},
        "shadow_is": {
            "en": "{name} {version} has looked along for {age} and accuses nobody",
            "zh": "{name} {version} 已试运行 {age}，不上报",
        },
        "shadow_frames": {
            "en": "{looked} frames, {left_out} left out",
            "zh": "{looked} 帧，跳过 {left_out} 帧",
        },
        "shadow_errors": {"en": "failed {n} times", "zh": "出错 {n} 次"},
        "shadow_looks": {
            "en": "judged by both {both} times, {opposite} opposite; by the old alone {old}, the new alone {new}.",
            "zh": "两模型都可判断 {both} 次，其中相反 {opposite} 次；"
            "仅现用可判断 {old} 次，仅试用可判断 {new} 次。",
        },
        "shadow_found": {
            "en": "Would have reported: both {both}, the old alone {old}, the new alone {new}.",
            "zh": "会上报的违规：两者 {both}，仅现用 {old}，仅试用 {new}。",
        },
        "clock_is": {"en": "clock", "zh": "时钟"},
        "clock_good": {"en": "synchronised", "zh": "已同步"},
        "clock_synced": {"en": "synchronised at most {age} ago", "zh": "已同步，最近一次校时在 {age}内"},
        "clock_off": {"en": "not synchronised", "zh": "未同步"},
        "clock_advice": {
            "en": "Nothing keeps this box's clock right, so evidence may carry a wrong time. Set up NTP.",
            "zh": "本机时钟没有校时，证据上的时间可能不准。请配置时间同步（NTP）。",
        },
        "clock": {"en": "the clock was set {n} times while running", "zh": "运行中时钟被调整 {n} 次"},
    }
)


class Words:
    """The words in one language."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language

    def __call__(self, key: str, **values: object) -> str:
        """The text of that key; a key without a text, such as a rule of somebody else's, stands for itself."""
        texts = WORDS.get(key)
        return texts[self.language].format(**values) if texts else key

    def some(self, prefix: str) -> dict[str, str]:
        """For a script: the texts whose keys begin so, by the rest of the key."""
        return {k.removeprefix(prefix): v[self.language] for k, v in WORDS.items() if k.startswith(prefix)}

    def age(self, seconds: float) -> str:
        """Such as ``45 s``, ``3 min``, ``2 h``, ``5 d``, in words."""
        past = timedelta(seconds=max(0.0, seconds))
        units = (
            (past.days, "d", "天"),
            (past.seconds // 3600, "h", "小时"),
            (past.seconds // 60, "min", "分钟"),
            (past.seconds, "s", "秒"),
        )
        for count, en, zh in units:
            if count:
                return f"{count} {zh if self.language == 'zh' else en}"
        return "0 秒" if self.language == "zh" else "0 s"
