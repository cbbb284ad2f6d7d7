"""Ports for servers."""

from headrace.runtime.ports import free_ports, is_free


def test_free_ports__several__different_free_and_never_given_to_outgoing_connections() -> None:
    found = free_ports(5)
    assert len(set(found)) == 5
    assert all(is_free(port) and port < 32_768 for port in found)
