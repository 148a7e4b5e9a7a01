"""The outbox: reports and their blobs wait here, durably, until the regulator has given its receipt.

`Outbox` is the queue; `docs/decisions` tells why it is SQLite and files, and how the export is laid out.
"""

from kitchenvision.outbox.database import is_outbox
from kitchenvision.outbox.item import Counts, Item, ReportConflict, Status
from kitchenvision.outbox.queue import Outbox

__all__ = ["Counts", "Item", "Outbox", "ReportConflict", "Status", "is_outbox"]
