"""What processes exchange, in processes of their own."""

import json
import signal
import socket
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torchrun import ended, start

from hardmax.errors import ArgumentError
from hardmax.processes import joining
from hardmax.processes.environment import Place, environments
from hardmax.processes.group import Group, group
from hardmax.processes.messages import receive, send

START = """
import json, os, signal, sys, time
import numpy as np
from hardmax.processes.group import group
group, rank = group(), int(os.environ["RANK"])
"""

EXCHANGES = """
own = np.arange(3, dtype=np.float32) + 0.1 * rank
found = {
    "sum": [one.tolist() for one in group.sum(own, np.int64(rank))],
    "gather": group.gather(np.full((rank, 2), rank)).tolist(),
    "first": [one.tolist() for one in group.from_first(own, np.bool_(rank == 0))],
    "share": [group.share(7).start, group.share(7).stop],
}
group.wait()
print(json.dumps(found))
"""


@given(st.integers(1, 40), st.integers(0, 1000))
def test_shares_are_all_examples_in_order_and_about_equal(size, count):
    shares = [Group(Place(rank, size)).share(count) for rank in range(size)]
    assert [i for share in shares for i in range(count)[share]] == [*range(count)]
    lengths = [share.stop - share.start for share in shares]
    assert max(lengths) - min(lengths) <= 1


def test_a_process_alone_exchanges_with_itself():
    one = Group()
    array = np.float32([[1, 2]])
    assert one.sum(array, array)[1].tolist() == [[1, 2]]
    assert one.gather(array) is not None
    assert one.from_first(array)[0] is array
    one.wait()
    one.fail("nothing")


def test_all_processes_get_the_same():
    codes, printed = ended(start(3, "-c", START + EXCHANGES))
    assert codes == [0, 0, 0], printed
    found = [json.loads(out) for out, _ in printed]
    own = [np.arange(3, dtype=np.float32) + 0.1 * rank for rank in range(3)]
    assert found[0]["sum"] == [np.sum(np.float64(own), axis=0).tolist(), 3.0]
    assert found[0]["gather"] == [[1, 1], [2, 2], [2, 2]]
    assert found[0]["first"] == [[0.0, 1.0, 2.0], True]
    for other in found[1:]:
        assert {**other, "share": found[0]["share"]} == found[0]
    assert [one["share"] for one in found] == [[0, 2], [2, 4], [4, 7]]


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_a_process_that_dies_ends_the_others_on_one_line(rank):
    die = f"""
if rank == {rank}:
    os.kill(os.getpid(), signal.SIGKILL)
group.wait()
"""
    codes, printed = ended(start(3, "-c", START + die))
    assert codes.pop(rank) == -signal.SIGKILL
    assert codes == [1, 1]
    lines = "".join(err for _, err in printed)
    assert lines == f"hardmax: process {rank} of 3 ended unexpectedly; the training is stopped\n"


def test_the_line_has_advice_on_what_to_do():
    die = """
group.advise("start it again")
group.wait()
if rank == 1:
    os.kill(os.getpid(), signal.SIGKILL)
group.wait()
"""
    _, printed = ended(start(2, "-c", START + die))
    assert printed[0][1].endswith("ended unexpectedly; the training is stopped; start it again\n")


def test_an_error_of_one_process_is_told_by_the_first():
    _, printed = ended(start(3, "-c", START + "if rank == 1: raise TypeError('oh')\ngroup.wait()"))
    told = "hardmax: process 1 of 3: TypeError: oh; the training is stopped\n"
    assert [err for _, err in printed][::2] == [told, ""]
    assert "Traceback" in printed[1][1]  # its own


def test_an_error_of_all_processes_is_told_by_the_first_alone():
    fail = "if rank == 0: print('told')\ngroup.fail('no such file')\nsys.exit(2)"
    codes, printed = ended(start(3, "-c", START + fail))
    assert codes[0] == 2
    assert {*codes} <= {1, 2}
    assert printed == [("told\n", ""), ("", ""), ("", "")]


def test_processes_that_do_different_things_say_so():
    other = "group.wait() if rank else group.sum(np.ones(1))"
    codes, printed = ended(start(2, "-c", START + other))
    assert codes[0] == 1
    assert "process 1 of 2 calls wait, and process 0 sum" in printed[0][1]


def test_a_process_that_ends_before_the_others_is_named():
    codes, printed = ended(start(2, "-c", START + "if rank == 0: group.wait()"))
    assert codes == [1, 0]
    last = printed[0][1].splitlines()[-1]
    assert "HardmaxError: process 1 of 2 has ended, and the others are not done" in last


def test_a_process_that_joins_twice_is_told():
    command = "import os; os.environ['RANK'] = str(min(int(os.environ['RANK']), 1))\n" + START
    codes, printed = ended(start(3, "-c", command))
    assert codes[0] == 1
    assert "ArgumentError: two processes have RANK=1" in printed[0][1].splitlines()[-1]


def test_a_stranger_does_not_keep_processes_from_joining():
    strange = """
import os, socket, threading, time
from hardmax.processes.messages import send
def disturb():
    port = int(os.environ["MASTER_PORT"]) + 1
    for values in ({"rank": "1", "channel": "data"}, {"rank": 1, "channel": []}, {"rank": -1}, []):
        while True:
            try:
                one = socket.create_connection(("127.0.0.1", port), 1)
                break
            except OSError:
                time.sleep(0.01)
        send(one, values, [])
        one.recv(1)  # until it is closed
if os.environ["RANK"] == "1":
    disturb()
"""
    codes, printed = ended(start(2, "-c", strange + START + EXCHANGES))
    assert codes == [0, 0], printed


def test_a_stranger_in_the_place_of_the_first_is_told(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        environment = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
        environment |= {"MASTER_PORT": str(server.getsockname()[1] - 1)}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        answering = threading.Thread(target=answer)
        answering.start()
        with pytest.raises(ArgumentError, match=r"what process 1 of 2 reaches .* is not process 0"):
            group.__wrapped__()
        answering.join()


def test_a_process_that_does_not_come_is_named(monkeypatch, caplog):
    monkeypatch.setattr(joining, "TIMEOUT", 0.2)
    for name, value in {"RANK": "0", "WORLD_SIZE": "3", "MASTER_ADDR": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_PORT", environments(2)[0]["MASTER_PORT"])
    monkeypatch.setattr(joining, "PATIENCE", 0.1)
    with pytest.raises(ArgumentError, match=r"of 3 processes, 1, 2 did not start within 0.2 s"):
        group.__wrapped__()
    (told,) = caplog.messages
    assert told == "hardmax: of 3 processes, 1, 2 did not start yet; waiting for them"
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(ArgumentError, match=r"process 1 of 3 cannot reach process 0 at 127.0.0.1"):
        group.__wrapped__()


def test_a_port_that_is_taken_is_told(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
        environment |= {"MASTER_ADDR": "127.0.0.1"}
        environment |= {"MASTER_PORT": str(taken.getsockname()[1] - 1)}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(ArgumentError, match=r"one above MASTER_PORT: .*choose another"):
            group.__wrapped__()


@given(st.lists(st.sampled_from(["<f4", "<i8", "|b1", "|u1", "<f8"]), max_size=4), st.data())
def test_messages_arrive_as_they_were_sent(kinds, data):
    arrays = []
    for kind in kinds:
        shape = data.draw(st.lists(st.integers(0, 4), max_size=3))
        arrays.append(np.random.default_rng(0).integers(0, 2, shape).astype(kind))
    one, other = socket.socketpair()
    with one, other:
        send(one, {"call": "sum"}, arrays)
        values, received = receive(other)
    assert values == {"call": "sum"}
    assert [(a.dtype, a.shape, a.tolist()) for a in received] == [
        (a.dtype, a.shape, a.tolist()) for a in arrays
    ]


def test_a_stranger_is_not_taken_for_a_process():
    one, other = socket.socketpair()
    with one, other:
        one.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(ValueError, match="not a message of hardmax"):
            receive(other)
