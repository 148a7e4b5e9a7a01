"""A monthly report as PDF to print: its sheets as tables, with page numbers. The same report gives the same bytes.

Text is set in the CID font STSong-Light, as the notice is; it is not embedded.
"""

import io
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Flowable, LongTable, Paragraph, SimpleDocTemplate, Spacer

from kitchenvision.regulator.district_export import Cell, Sheet

MOST_ROWS = 1000  # of a table; more are for a spreadsheet
_FONT = "STSong-Light"
_PLAIN = ParagraphStyle("plain", fontName=_FONT, fontSize=9, leading=13, wordWrap="CJK")
_NUMBER = ParagraphStyle("number", parent=_PLAIN, alignment=2)
_HEAD = ParagraphStyle("head", parent=_PLAIN, textColor=colors.HexColor("#474d56"))
_HEAD_RIGHT = ParagraphStyle("head right", parent=_HEAD, alignment=2)
_TITLE = ParagraphStyle("title", parent=_PLAIN, fontSize=18, leading=26, spaceAfter=4)
_PART = ParagraphStyle("part", parent=_PLAIN, fontSize=13, leading=20, spaceBefore=12, spaceAfter=4)
_MARGIN = 15 * mm
_WIDTH = landscape(A4)[0] - 2 * _MARGIN
_LINES: Any = [  # the library's own type leaves out what it takes
    ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.HexColor("#626973")),
    ("LINEBELOW", (0, 1), (-1, -1), 0.3, colors.HexColor("#c3c8ce")),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), 3),
    ("RIGHTPADDING", (0, 0), (-1, -1), 3),
]


def document(sheets: Sequence[Sheet]) -> bytes:
    """The PDF; the first note of the first sheet is its title."""
    pdfmetrics.registerFont(UnicodeCIDFont(_FONT))
    out = io.BytesIO()
    title = sheets[0].notes[0] if sheets and sheets[0].notes else ""
    template = SimpleDocTemplate(
        out,
        pagesize=landscape(A4),
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=title,
        author="kitchenvision",
        invariant=1,
    )
    story: list[Flowable] = []
    for sheet in sheets:
        for number, note in enumerate(sheet.notes):
            story.append(Paragraph(escape(note), _PLAIN if number else _TITLE))
        story += [Paragraph(escape(sheet.title), _PART), _table(sheet), Spacer(0, 4 * mm)]
    template.build(story, onFirstPage=_numbered, onLaterPages=_numbered)
    return out.getvalue()


def _numbered(canvas: Any, template: SimpleDocTemplate) -> None:
    canvas.saveState()
    canvas.setFont(_FONT, 8)
    canvas.drawRightString(_MARGIN + _WIDTH, 8 * mm, str(canvas.getPageNumber()))
    canvas.drawString(_MARGIN, 8 * mm, template.title)
    canvas.restoreState()


def _table(sheet: Sheet) -> Flowable:
    if not sheet.rows:
        return Paragraph("–", _PLAIN)
    rows: list[list[Paragraph | str]] = [[_head(sheet, n) for n in range(len(sheet.header))]]
    rows += [[_cell(value) for value in row] for row in sheet.rows[:MOST_ROWS]]
    if len(sheet.rows) > MOST_ROWS:
        told = f"… {MOST_ROWS} / {len(sheet.rows)} (XLSX)"
        rows.append([Paragraph(told, _PLAIN), *([""] * (len(sheet.header) - 1))])
    return LongTable(rows, colWidths=_widths(sheet), repeatRows=1, style=_LINES)


def _head(sheet: Sheet, column: int) -> Paragraph:
    """Above numbers to the right, as they are."""
    counts = any(isinstance(row[column], int | float) for row in sheet.rows)
    return Paragraph(escape(sheet.header[column]), _HEAD_RIGHT if counts else _HEAD)


def _cell(value: Cell) -> Paragraph:
    if isinstance(value, int | float):
        return Paragraph(f"{value:g}", _NUMBER)
    return Paragraph(escape(value or ""), _PLAIN)


def _widths(sheet: Sheet) -> list[float]:
    """Shares of the page by the longest cell of each column, within limits."""
    wants = []
    for column, word in enumerate(sheet.header):
        cells = [word, *(str(row[column] if row[column] is not None else "") for row in sheet.rows)]
        # A Chinese character is as wide as two Latin ones.
        longest = max(sum(2 if ord(letter) > 0x2E7F else 1 for letter in cell) for cell in cells)
        wants.append(min(max(longest, 6), 34))
    return [_WIDTH * want / sum(wants) for want in wants]
