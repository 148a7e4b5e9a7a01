"""Words of those pages on which something is changed, in both languages."""

EDIT_WORDS: dict[str, dict[str, str]] = {
    "log_in": {"en": "Log in", "zh": "登录"},
    "log_out": {"en": "Log out", "zh": "退出登录"},
    "password": {"en": "Password of this box", "zh": "本机密码"},
    "login_lead": {"en": "Changing settings needs this box's password.", "zh": "修改设置需要本机密码。"},
    "login_none": {
        "en": "No password is set, so nothing can be changed here. Put [page] password_file or password_env into "
        "edge.toml and restart the service.",
        "zh": "尚未设置密码,因此不能在此修改。"
        "请在 edge.toml 的 [page] 中设置 password_file 或 password_env,然后重启服务。",
    },
    "wrong_password": {"en": "This is not the password.", "zh": "密码不正确。"},
    "too_many_tries": {
        "en": "Too many wrong tries. Try again in {age}.",
        "zh": "错误次数过多,请在 {age}后重试。",
    },
    "back": {"en": "Cameras", "zh": "返回摄像机"},
    "zones": {"en": "Zones", "zh": "区域"},
    "zones_of": {"en": "Zones of {name}", "zh": "{name} 的区域"},
    "zones_lead": {
        "en": "Draw where people stand: a rule is due where their feet are, or their head when feet are hidden.",
        "zh": "请圈出人员站立的地方:以脚的位置为准,看不到脚时以头部为准。",
    },
    "zones_none": {
        "en": "No zone: every rule is due in the whole picture at all hours.",
        "zh": "没有区域:整个画面、全天按所有规则检查。",
    },
    "picture": {"en": "Picture with the zones", "zh": "带区域的画面"},
    "add_zone": {"en": "Add a zone", "zh": "添加区域"},
    "zone_list": {"en": "Zones", "zh": "区域列表"},
    "zone_name": {"en": "Name", "zh": "名称"},
    "zone_rules": {"en": "Rules that are due here", "zh": "此处检查的规则"},
    "zone_hours": {"en": "Hours", "zh": "时段"},
    "zone_all_hours": {"en": "At all hours", "zh": "全天"},
    "add_hours": {"en": "Add hours", "zh": "添加时段"},
    "zone_shape": {"en": "Shape", "zh": "形状"},
    "add_corner": {"en": "Add a corner", "zh": "添加角点"},
    "whole_picture": {"en": "Whole picture", "zh": "整个画面"},
    "delete_zone": {"en": "Delete this zone", "zh": "删除此区域"},
    "undo": {"en": "Undo", "zh": "撤销"},
    "save": {"en": "Save", "zh": "保存"},
    "zone_help": {
        "en": "Click or tap the picture to add a corner, drag one to move it. By keyboard: Tab to a corner, arrows "
        "move it (with Shift further), + adds one after it, Delete takes it away.",
        "zh": "点击画面添加角点,拖动可移动。键盘:Tab 选择角点,方向键移动(按住 Shift 移动更多),"
        "+ 在其后添加,Delete 删除。",
    },
    "zone_js_corner": {
        "en": "Corner {n}: {x} % from the left, {y} % from the top",
        "zh": "角点 {n}:距左 {x}%,距上 {y}%",
    },
    "zone_js_new": {"en": "Zone {n}", "zh": "区域 {n}"},
    "zone_js_from": {"en": "from", "zh": "从"},
    "zone_js_to": {"en": "to", "zh": "到"},
    "zone_js_remove": {"en": "Remove", "zh": "移除"},
    "zone_js_whole": {"en": "whole picture", "zh": "整个画面"},
    "zone_js_saved": {"en": "Saved and in force.", "zh": "已保存并生效。"},
    "zone_js_written": {
        "en": "Saved. The service has not taken it over yet: see its log.",
        "zh": "已保存,但服务尚未生效,请查看日志。",
    },
    "zone_js_unsaved": {"en": "Not saved yet", "zh": "尚未保存"},
    "zone_js_lost": {
        "en": "The service does not answer. Nothing was saved; try again.",
        "zh": "服务没有应答,未保存,请重试。",
    },
    "zone_js_again": {
        "en": "You are logged out. Log in in another window, then save again.",
        "zh": "登录已过期。请在新窗口登录后再保存。",
    },
    "zone_js_live": {"en": "live", "zh": "实时"},
    "zone_js_old": {"en": "{n} s ago", "zh": "{n} 秒前"},
    "zone_js_no_picture": {"en": "No picture of this camera now", "zh": "暂无该摄像机画面"},
    "changed_meanwhile": {
        "en": "The settings were changed elsewhere meanwhile. Load this page anew; your drawing is not saved.",
        "zh": "设置已在别处被修改。请重新加载页面;当前绘制未保存。",
    },
    "not_saved": {"en": "Not saved: {why}", "zh": "未保存:{why}"},
    "too_many_zones": {"en": "At most 20 zones.", "zh": "最多 20 个区域。"},
    "wrong_zone": {"en": "This zone cannot be read.", "zh": "无法识别此区域。"},
    "wrong_name": {"en": "Give it a name of 1 to 60 characters.", "zh": "请填写 1 至 60 个字的名称。"},
    "wrong_same_name": {"en": "Another zone has this name.", "zh": "名称与其他区域重复。"},
    "wrong_corners": {
        "en": "It needs 3 to 60 corners, or none for the whole picture.",
        "zh": "需要 3 至 60 个角点;留空表示整个画面。",
    },
    "wrong_crossing": {
        "en": "Its edges cross, so it is not clear what lies inside: move a corner.",
        "zh": "边线相交,无法判断内外,请移动角点。",
    },
    "wrong_tiny": {"en": "It is too small to stand in.", "zh": "区域过小。"},
    "wrong_hours": {"en": "Hours need a beginning and another end.", "zh": "时段需要不同的开始和结束时间。"},
    "wrong_rules": {"en": "Choose at least one rule.", "zh": "请至少选择一条规则。"},
}
