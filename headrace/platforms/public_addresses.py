"""Which addresses of the internet are public, and what a list of allowed receivers lets through. Pure.

For URLs that a rule names: nobody may reach our own network, or a cloud's metadata, by one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NOT_PUBLIC_4: Final = tuple(
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT; metadata of some clouds
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's own, though it looks public
        "169.254.0.0/16",  # link-local: metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_PUBLIC_6: Final = IPv6Network("2000::/3")
"""All that was ever given out. Mapped, compatible, NAT64, unique local, link-local, multicast lie outside."""
_NOT_PUBLIC_6: Final = tuple(
    IPv6Network(each)
    for each in (
        "2001::/23",  # Teredo and others that lead elsewhere
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",
    )
)
_ISATAP: Final = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")
"""In the middle of an address: the rest of it is an IPv4 address."""


def is_public(address: Address) -> bool:
    """Whether it is one of the open internet, and leads to no other address."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    if address.scope_id or address not in _PUBLIC_6 or address.packed[8:12] in _ISATAP:
        return False
    return not any(address in network for network in _NOT_PUBLIC_6)


@dataclass(frozen=True, slots=True)
class Allowed:
    """Who may be called. Without a word: every host whose addresses are public, at the usual ports.

    `hosts`: these alone, `*.example.com` all below one, `*` all. `networks`: besides, whatever is in one of these, at
    any port, though it is not public.
    """

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def name_is_allowed(self, host: str) -> bool:
        """Whether a host may be looked up and called at a public address."""
        if not self.hosts and not self.networks:
            return True
        name = host.lower().rstrip(".")
        ends = (f"*.{name.split('.', each)[each]}" for each in range(1, name.count(".") + 1))
        return "*" in self.hosts or name in self.hosts or any(end in self.hosts for end in ends)

    def is_ours(self, address: Address) -> bool:
        """Whether an address is in one of the networks that were named."""
        return any(address in network for network in self.networks if network.version == address.version)


EVERYWHERE: Final = Allowed(frozenset({"*"}), (ip_network("0.0.0.0/0"), ip_network("::/0")))
"""For addresses that the settings name, not a rule."""


def read_allowed(words: str) -> Allowed:
    """`erp.example.com, *.example.org, 10.1.0.0/16`, by commas or spaces. Raises ValueError that names the word."""
    hosts, networks = set(), []
    for word in words.replace(",", " ").split():
        network = _network(word)
        if network is not None:
            networks.append(network)
        elif "/" in word or ":" in word or word.strip("*.") == "" != word.strip("*"):
            raise ValueError(f"{word!r} is neither a host's name nor a network: write erp.example.com or 10.1.0.0/16")
        else:
            hosts.add(word.lower().rstrip("."))
    return Allowed(frozenset(hosts), tuple(networks))


def _network(word: str) -> Network | None:
    try:
        return ip_network(word)
    except ValueError:
        return None


def addresses_of(texts: Iterable[str]) -> list[Address]:
    """A resolver's answer, IPv4 first, each once. Raises ValueError for what is no address."""
    found = dict.fromkeys(ip_address(text) for text in texts)
    return sorted(found, key=lambda address: address.version)
