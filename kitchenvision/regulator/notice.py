"""The notice of rectification (整改通知书) as PDF: in Chinese, with pictures, number and a QR code to the case.

The same case gives the same bytes. Chinese is set in the CID font STSong-Light, which every PDF viewer brings or
replaces; it is not embedded.
"""

import io
from collections.abc import Sequence
from datetime import datetime
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

import segno
from reportlab.lib import textsplit
from reportlab.lib.enums import TA_CENTER, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Flowable, Image, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table

from kitchenvision.regulator.case_store import CaseFile
from kitchenvision.regulator.case_view import Shot
from kitchenvision.regulator.messages import CATALOGUE
from kitchenvision.regulator.tables import ViolationRow

# What may not begin a line is a Japanese list in the library, without an option; Chinese sets these marks too.
vars(textsplit)["ALL_CANNOT_START"] = textsplit.ALL_CANNOT_START + "，；：！？”’》"
MOST_PICTURES = 4
Pictures = Sequence[tuple[ViolationRow, bytes, Shot]]
_FONT = "STSong-Light"
_WIDTH = A4[0] - 50 * mm
_PICTURE_WIDTH, _PICTURE_HEIGHT = 78 * mm, 48 * mm
_BODY = ParagraphStyle("body", fontName=_FONT, fontSize=12, leading=22, wordWrap="CJK", firstLineIndent=24)
_PLAIN = ParagraphStyle("plain", parent=_BODY, firstLineIndent=0)
_TITLE = ParagraphStyle("title", parent=_PLAIN, fontSize=22, leading=34, alignment=TA_CENTER, spaceAfter=4)
_NUMBER = ParagraphStyle("number", parent=_PLAIN, alignment=TA_RIGHT, spaceAfter=10)
_SMALL = ParagraphStyle("small", parent=_PLAIN, fontSize=9, leading=13)


class _Code(Flowable):
    """A QR code drawn as squares: sharp at every size."""

    def __init__(self, text: str, size: float) -> None:
        super().__init__()
        self.width = self.height = size
        self._rows = [list(row) for row in segno.make(text, error="m", micro=False).matrix]

    def draw(self) -> None:
        """Dark modules as rectangles, with the quiet zone of four modules inside the size."""
        module = self.width / (len(self._rows) + 8)
        self.canv.setFillGray(0)
        for y, row in enumerate(self._rows):
            for x, dark in enumerate(row):
                if dark:
                    left, bottom = (x + 4) * module, self.height - (y + 5) * module
                    self.canv.rect(left, bottom, module * 1.02, module * 1.02, stroke=0, fill=1)


class _Boxed(Image):
    """A picture with the accused person's head in a frame."""

    def __init__(self, data: bytes, size: tuple[float, float], shot: Shot) -> None:
        super().__init__(io.BytesIO(data), *size)
        self._shot = shot

    def draw(self) -> None:
        """The picture, then white around black, so that the frame shows on both."""
        super().draw()
        x_scale, y_scale = self.drawWidth / self._shot.width, self.drawHeight / self._shot.height
        for box in self._shot.boxes:
            if box.kind == "person":
                continue
            bottom = self.drawHeight - (box.y + box.height) * y_scale
            for grey, width in ((0.0, 2.4), (1.0, 1.2)):
                self.canv.setStrokeGray(grey)
                self.canv.setLineWidth(width)
                self.canv.rect(box.x * x_scale, bottom, box.width * x_scale, box.height * y_scale)


def notice(file: CaseFile, pictures: Pictures, address: str, zone: ZoneInfo) -> bytes:
    """The PDF.

    Args:
        pictures: of the violations, at most `MOST_PICTURES`; what cannot be read is said in words.
        address: of the case's page, for the QR code. zone: in which times are written.
    """
    pdfmetrics.registerFont(UnicodeCIDFont(_FONT))
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=25 * mm,
        rightMargin=25 * mm,
        topMargin=20 * mm,
        bottomMargin=18 * mm,
        title=f"整改通知书 {file.row.number}",
        author="kitchenvision",
        invariant=1,
    )
    document.build(
        [
            Paragraph("整改通知书", _TITLE),
            Paragraph(f"编号：{escape(file.row.number)}", _NUMBER),
            Paragraph(f"{escape(file.canteen.name)}：", _PLAIN),
            *(Paragraph(escape(text), _BODY) for text in _sentences(file, zone)),
            Spacer(0, 4 * mm),
            _pictures(pictures, zone),
            Spacer(0, 6 * mm),
            _foot(file, address, zone),
        ]
    )
    return out.getvalue()


def _sentences(file: CaseFile, zone: ZoneInfo) -> list[str]:
    words = CATALOGUE["zh"]
    rule = words.get(f"rule.{file.row.rule_id}", file.row.rule_id)
    todo = words.get(f"mine.do.{file.row.rule_id}", words["mine.do.other"])
    first = min(row.captured_at for row in file.violations)
    cameras = "、".join(sorted({row.camera_id for row in file.violations}))
    opened = file.events[0]
    assert opened.deadline_at is not None
    return [
        f"经查，{_at(first, zone)}，你单位{file.row.zone}（摄像头 {cameras}）存在“{rule}”行为，"
        f"共 {len(file.violations)} 条影像记录，已由监管员 {file.names[opened.person_id]} 核实。",
        f"现责令你单位于 {_at(opened.deadline_at, zone)} 前完成整改。{todo}"
        "请扫描下方二维码登录，上传整改照片并说明情况。逾期未改的，按规定给予黄牌、红牌警示。",
        "如对本通知有异议，可在申诉期限内通过同一二维码申诉，由另一名监管员复议；复议期间整改期限暂停计算。",
    ]


def _pictures(pictures: Pictures, zone: ZoneInfo) -> Flowable:
    cells = [
        [_picture(data, shot), Paragraph(_caption(row, zone), _SMALL)]
        for row, data, shot in pictures[:MOST_PICTURES]
    ]
    if not cells:
        return Paragraph("（没有随附照片）", _SMALL)
    rows = [cells[i : i + 2] for i in range(0, len(cells), 2)]
    if len(rows[-1]) == 1 and len(rows) > 1:
        rows[-1].append([])
    return Table(
        rows, colWidths=[_WIDTH / len(rows[0])] * len(rows[0]), style=[("VALIGN", (0, 0), (-1, -1), "TOP")]
    )


def _picture(data: bytes, shot: Shot) -> Flowable:
    try:
        width, height = ImageReader(io.BytesIO(data)).getSize()
    except OSError:  # what reportlab raises for a file that is no picture
        return Paragraph("（照片无法读取）", _SMALL)
    scale = min(_PICTURE_WIDTH / width, _PICTURE_HEIGHT / height)
    return _Boxed(data, (width * scale, height * scale), shot)


def _caption(row: ViolationRow, zone: ZoneInfo) -> str:
    return escape(f"{row.camera_id}　{_at(row.captured_at, zone)}") + f"<br/>{escape(row.violation_id)}"


def _foot(file: CaseFile, address: str, zone: ZoneInfo) -> Flowable:
    dated = Paragraph(f"（签章）<br/>{_day(file.row.opened_at, zone)}", _NUMBER)
    code = [_Code(address, 32 * mm), Paragraph("扫码查看、整改或申诉", _SMALL)]
    return KeepTogether(
        [Table([[code, dated]], colWidths=[_WIDTH / 2] * 2, style=[("VALIGN", (0, 0), (-1, -1), "TOP")])]
    )


def _at(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{_day(at, zone)} {local:%H:%M}"


def _day(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local.year} 年 {local.month} 月 {local.day} 日"
