"""The network an address belongs to, by which visitors are limited and counted. Pure."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_PREFIX = {4: 24, 6: 48}  # bits: what one household, office or rented machine usually is given


def network(address: str) -> str:
    """The network of an IP address: its /24 in IPv4, its /48 in IPv6.

    `address` is an address as text, as `REMOTE_ADDR` holds it. The result is written as
    `192.0.2.0/24` or `2001:db8:1::/48`. An IPv4 address within IPv6 (`::ffff:192.0.2.7`) counts
    as IPv4. Text that is no address is returned as it is; nothing raises.
    """
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        parsed = parsed.ipv4_mapped or IPv6Address(parsed.packed)  # without its zone (`%eth0`)
    return str(ip_network(f"{parsed}/{_PREFIX[parsed.version]}", strict=False))
