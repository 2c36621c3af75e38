from __future__ import annotations

import socket

from stack.ports import LOOPBACK, choose_ports, is_free


def test_a_free_port_is_kept_from_the_last_time() -> None:
    first = choose_ports(["a", "b"], previous={}, running=[])

    assert choose_ports(["a", "b"], previous=first, running=[]) == first


def test_a_port_that_someone_else_took_is_replaced() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]

        chosen = choose_ports(["a"], previous={"a": port}, running=[])

        assert not is_free(port)
        assert chosen["a"] != port
        assert is_free(chosen["a"])


def test_the_port_of_a_running_service_is_kept_although_it_is_taken() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]

        assert choose_ports(["a"], previous={"a": port}, running=["a"]) == {"a": port}


def test_no_port_is_handed_out_twice() -> None:
    chosen = choose_ports([f"service {number}" for number in range(20)], previous={}, running=[])

    assert len(set(chosen.values())) == 20


def test_one_port_remembered_for_two_services_goes_to_one_of_them() -> None:
    port = choose_ports(["a"], previous={}, running=[])["a"]

    chosen = choose_ports(["a", "b"], previous={"a": port, "b": port}, running=[])

    assert chosen["a"] == port
    assert chosen["b"] != port
