"""Delivery: carries what is in the outbox to the regulator until each report has its receipt."""

from kitchenvision.delivery.answers import RegulatorAway
from kitchenvision.delivery.client import make_client
from kitchenvision.delivery.sender import Outcome, Pace, Progress, Sender

__all__ = ["Outcome", "Pace", "Progress", "RegulatorAway", "Sender", "make_client"]
