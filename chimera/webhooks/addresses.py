"""Which addresses a webhook may call: never this machine's metadata service, private networks only if allowed (pure).

The server calls what a user has typed. Without this check an owner of a project could make it speak to services that
only the server can reach (server-side request forgery). The address is looked up once, checked, and the connection goes
to exactly that address, so that a name cannot point elsewhere a moment later.
"""

from __future__ import annotations

import ipaddress
import socket

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Metadata services of clouds outside the link-local range: Alibaba, Oracle, AWS over IPv6.
METADATA = frozenset(map(ipaddress.ip_address, ("100.100.100.200", "192.0.0.192", "fd00:ec2::254")))
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Refused(Exception):
    """The address must not be called; the message says why and what to do."""


def safe_address(host: str, port: int, *, allow_private: bool) -> str:
    """The first address of `host`, if all of its addresses may be called.

    Raises:
        Refused: one of them may not.
        OSError: the name cannot be looked up now.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise Refused(f"{host} is no name of a host: {error}") from error
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    for address in addresses:
        if why := refusal(ipaddress.ip_address(address), allow_private=allow_private):
            raise Refused(f"{host} is {address}: {why}")
    return addresses[0]


def refusal(address: Address, *, allow_private: bool) -> str:
    """Why `address` must not be called; empty if it may be."""
    plain = unwrapped(address)
    if plain in METADATA or plain.is_link_local:
        return "link-local and metadata addresses are never called"
    if plain.is_multicast or plain.is_unspecified or (plain.is_reserved and not plain.is_loopback):
        return "this is no address of one machine"
    if not plain.is_global and not allow_private:
        return "private networks are not called unless CHIMERA_WEBHOOK_PRIVATE=1"
    return ""


def unwrapped(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one (mapped, NAT64, 6to4), else the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return inner or address
    return address
