"""The table of what edge boxes say of themselves."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from kitchenvision.regulator.tables import Base


class BoxRow(Base):
    """The latest that a canteen's box said of itself: canonical JSON of a `wire_box.BoxState`."""

    __tablename__ = "boxes"
    canteen_id: Mapped[str] = mapped_column(ForeignKey("canteens.canteen_id"), primary_key=True)
    software_version: Mapped[str] = mapped_column(String(200))
    received_at: Mapped[datetime]
    body: Mapped[bytes]
