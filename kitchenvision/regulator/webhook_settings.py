"""Where webhooks may go, from `webhooks.toml` in the regulator's data folder. Without one the defaults hold.

allow_networks = ["10.20.0.0/16"]    # inner networks that may be called, beside the public ones and this machine
give_up_days = 5                     # of failing, after which a webhook is switched off
"""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from kitchenvision.errors import SettingsError
from kitchenvision.regulator.toml_file import read_toml

FILE = "webhooks.toml"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class WebhookSettings:
    """Which addresses may be called, and for how many days of failing."""

    allow_networks: tuple[Network, ...] = ()
    give_up_days: float = 5.0

    def may_call(self, address: Address) -> bool:
        """Whether webhooks may go there: public addresses, this machine, and what the settings allow.

        Inner networks and link-local addresses, behind which a cloud keeps its secrets, are not by default.
        """
        mapped = getattr(address, "ipv4_mapped", None)
        address = mapped if mapped is not None else address
        if any(address in network for network in self.allow_networks):
            return True
        return address.is_loopback or (address.is_global and not address.is_multicast)


def read_webhook_settings(data_dir: Path) -> WebhookSettings:
    """The settings of that data folder.

    Raises:
        SettingsError: names the key and what is allowed.
    """
    path, default = data_dir / FILE, WebhookSettings()
    table = read_toml(path, ("allow_networks", "give_up_days"))
    days = table.get("give_up_days", default.give_up_days)
    if isinstance(days, bool) or not isinstance(days, int | float) or not 0 < days <= 365:
        raise SettingsError(str(path), "give_up_days", f"got {days!r}, needs days up to 365")
    told = table.get("allow_networks", [])
    try:
        networks = tuple(ipaddress.ip_network(one) for one in told)
    except (TypeError, ValueError) as error:
        raise SettingsError(str(path), "allow_networks", f'needs a list such as ["10.0.0.0/8"]: {error}') from error
    return WebhookSettings(networks, float(days))
