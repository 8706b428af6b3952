"""The network an address belongs to."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.base.networks import network


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("192.0.2.255", "192.0.2.0/24"),
        ("2001:db8:1:2::7", "2001:db8:1::/48"),
        ("2001:DB8:1:ffff::1", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("::1", "::/48"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),  # IPv4 as a socket for both writes it
        ("", ""),
        ("unix:", "unix:"),
        ("192.0.2.7:1234", "192.0.2.7:1234"),
    ],
)
def test_an_address_belongs_to_its_network(address: str, expected: str) -> None:
    assert network(address) == expected


def test_neighbours_are_one_network_and_others_are_not() -> None:
    assert network("198.51.100.1") == network("198.51.100.254")
    assert network("198.51.100.1") != network("198.51.101.1")
    assert network("2001:db8:1:1::1") == network("2001:db8:1:2::1")
    assert network("2001:db8:1::1") != network("2001:db8:2::1")


@given(st.ip_addresses())
def test_the_network_of_a_networks_first_address_is_itself(address: object) -> None:
    first = network(str(address)).partition("/")[0]

    assert network(first) == network(str(address))
    assert ip_address(first)


@given(st.text(max_size=50))
def test_any_text_has_a_network(text: str) -> None:
    assert network(text) or not text
