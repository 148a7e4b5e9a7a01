"""Why something was not taken, in Chinese: the reasons that reach a page, which the code says in English."""

import re

# What the whole text is, and its Chinese; {0}, {1} ... are what the groups caught.
_REASONS = tuple(
    (re.compile(pattern), chinese)
    for pattern, chinese in (
        (r"person: role: .*", "请选择一个您可以授予的角色"),
        (r"person: username: needs 1 to 100 characters", "用户名需要 1 至 100 个字符"),
        (r"person: username: '(.*)' exists already", "用户名“{0}”已被使用"),
        (r"person: password: needs at least (\d+) characters", "密码至少需要 {0} 个字符"),
        (r"person: town: an inspector needs a town", "监管员至少要分配一个街道"),
        (r"person: town: only inspectors are assigned to towns", "只有监管员才分配街道"),
        (r"person: town: all towns of an inspector are of one district", "一名监管员的街道须属于同一区"),
        (r"person: canteen: people of the role canteen .*", "食堂人员须选择一个食堂，其他角色不选"),
        (r"canteen: canteen_id and name: .*", "编号和名称各需要 1 至 200 个字符"),
        (r"canteen: canteen_id: '(.*)' exists already.*", "食堂“{0}”已存在；如需新令牌，请更换它的令牌"),
        (r"(?:canteen|wall): town: choose a town of this district", "请选择本区的一个街道"),
        (r"person: username: there is nobody called '(.*)'", "没有叫“{0}”的人员"),
        (r"person: username: '(.*)' is disabled; enable them first", "“{0}”已停用，请先恢复"),
        (r"(?:person|canteen): town: there is no town (.*); add it first", "没有街道 {0}，请先添加"),
        (
            r"(?:person|canteen): canteen(?:_id)?: there is no canteen '(.*)';.*",
            "没有食堂“{0}”，请先添加",
        ),
        (r"town: town_id and name: .*", "街道编号需要 1 至 100 个字符，名称需要 1 至 200 个字符"),
        (r"town: town_id: '(.*)' exists already", "街道“{0}”已存在"),
        (r"wall: name: needs 1 to 60 characters", "名称需要 1 至 60 个字符"),
        (r"wall: name: (\d+) links are there; revoke one first", "已有 {0} 个链接，请先撤销一个"),
        (r"webhook: events: .*", "请至少选择一种事件"),
        (r"webhook: url: (\d+) are there; remove one first", "已有 {0} 个，请先删除一个"),
        (r"webhook: url: is not an address", "这不是一个网址"),
        (r"webhook: url: needs an https address.*", "需要 https:// 开头的地址（本机可用 http），不带用户名"),
        (r"token: name: needs 1 to 60 characters", "名称需要 1 至 60 个字符"),
        (r"token: name: (\d+) tokens are there; revoke one first", "已有 {0} 个令牌，请先撤销一个"),
        (r"token: scopes: .*", "请至少选择一种用途"),
        (r"token: days: needs 1 to (\d+) days", "有效期需要 1 至 {0} 天"),
        (r"the table: rows: (\d+) are too many, at most (\d+) at once", "共 {0} 行，一次最多 {1} 行"),
        (r"the table: line 1: a header and at least one row.*", "第一行应为列名，下面至少有一行"),
        (r"the table: line 1: got (.*); columns are (.*)", "第一行是 {0}；应为 {1}"),
        (
            r"the table: the file: is neither XLSX nor CSV.*",
            "文件既不是 XLSX，也不是 CSV；请另存为 UTF-8 编码的 CSV",
        ),
        (r"the table: line (\d+): is no table: .*", "到第 {0} 行为止不是表格；是不是少了一个引号？"),
        (
            r"the table: the file: cannot be read as XLSX; save it anew, or as CSV",
            "文件不能作为 XLSX 读取；请重新保存，或另存为 CSV",
        ),
        (r"the table: the file: is too large unpacked", "文件解压后太大"),
        (r"(.*?): (\S+): Field required", "{0}：缺少 {1}"),
        (r"(.*?): (\S+): Extra inputs are not permitted.*", "{0}：不认识 {1}"),
        (r"(.*?): (\S+): Input should be .*, got (.*)", "{0}：{1} 的值 {2} 不符合要求"),
        (r"(.*?): TOML or JSON in UTF-8 is expected: (.*)", "{0}：应为 UTF-8 编码的 TOML 或 JSON（{1}）"),
        (r"(.*): the file: cannot be read as GeoJSON: .*", "地图轮廓文件不是 GeoJSON，没有画出；请管理员更正"),
    )
)


def in_chinese(reason: str) -> str:
    """The reason in Chinese, or as it came where nobody has translated it."""
    for pattern, chinese in _REASONS:
        found = pattern.fullmatch(reason)
        if found:
            return chinese.format(*found.groups())
    return reason
