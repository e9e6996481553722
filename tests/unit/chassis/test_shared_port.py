"""Replicas on one machine share a port."""

import socket
from types import SimpleNamespace

import pytest

from bmt.chassis.http import app
from evaluation.ports import HOST, any_free_port


def opened(port: int | None, shared: int | None) -> list[socket.socket] | None:
    return app._sockets(SimpleNamespace(host=HOST, port=port, shared_port=shared))


def test_two_replicas_listen_on_one_port_and_each_on_its_own():
    shared = any_free_port()
    replicas = [opened(any_free_port(), shared) for _ in range(2)]
    try:
        assert all(len({each.getsockname()[1] for each in one}) == 2 for one in replicas)
        for _ in range(4):
            socket.create_connection((HOST, shared), timeout=5).close()
        for each in replicas[0]:
            each.close()
        socket.create_connection((HOST, shared), timeout=5).close()
    finally:
        for one in replicas:
            for each in one:
                each.close()


def test_without_a_shared_port_the_server_opens_its_own():
    assert opened(any_free_port(), None) is None


def test_a_port_that_is_taken_ends_the_process():
    own = any_free_port()
    with socket.create_server((HOST, own)), pytest.raises(SystemExit) as ended:
        opened(own, any_free_port())
    assert ended.value.code == 3
