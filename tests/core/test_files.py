"""Regular files are read, files are written completely or not at all, and none is left behind."""

import os
import subprocess
import sys

import pytest

from hardmax.errors import DataError
from hardmax.files import discard_unfinished, open_regular, open_whole, sweep, write_whole
from hardmax.runs.writer import FolderWriter


def test_a_regular_file_is_opened(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    with open_regular(path, max_bytes=3) as file:
        assert file.read() == b"abc"
    link = tmp_path / "link"
    link.symlink_to(path)
    with open_regular(link) as file:
        assert file.read() == b"abc"


def test_a_file_may_be_too_large(tmp_path):
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(2**40)  # a sparse file, which takes no space
    with pytest.raises(DataError, match="has 1099511627776 bytes; at most 100 are allowed"):
        open_regular(path, max_bytes=100)


def test_other_files_are_named_and_not_waited_for(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, reason in (
        (pipe, "it is not a regular file"),
        ("/dev/zero", "it is not a regular file"),
        (tmp_path, "it is a folder"),
        (tmp_path / "none", "No such file or directory"),
    ):
        with pytest.raises(DataError) as caught:
            open_regular(path)
        assert str(caught.value) == f"cannot read {path}: {reason}"


#: Writes a folder and a file into the folder argv[1], and either is killed or waits.
WRITER = """if True:
    import os, signal, sys
    from pathlib import Path
    from hardmax.files import open_whole
    from hardmax.runs.writer import FolderWriter
    folder = Path(sys.argv[1])
    with FolderWriter(folder / "out", "name"), open_whole(folder / "file") as file:
        file.write(b"half")
        file.flush()
        if sys.argv[2] == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        print("writing", flush=True)
        sys.stdin.read()
"""


def leftovers(folder):
    """Return what a process that is killed while it writes into a folder leaves behind."""
    before = {*folder.iterdir()}
    subprocess.run([sys.executable, "-c", WRITER, str(folder), "kill"], check=False)
    return {*folder.iterdir()} - before


def make_old(paths):
    for path in paths:
        os.utime(path, (0, 0))


def test_what_killed_processes_left_behind_is_deleted(tmp_path):
    left = leftovers(tmp_path)
    assert len(left) == 2
    others = [tmp_path / "hardmax-0123456789abcdef", tmp_path / "a.hardmax-0123456789abcdef.csv"]
    for other in others:
        other.write_text("of the user")
    make_old([*others])
    sweep(tmp_path)
    assert {*tmp_path.iterdir()} == {*left, *others}  # they may be in use by a process that starts
    make_old(left)
    write_whole(tmp_path / "file", b"whole")
    assert {*tmp_path.iterdir()} == {*others, tmp_path / "file"}


def test_what_a_running_process_writes_is_left_alone(tmp_path):
    make_old(leftovers(tmp_path))
    command = [sys.executable, "-c", WRITER, str(tmp_path), "wait"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"writing\n"
        writing = {*tmp_path.iterdir()}
        assert len(writing) == 2  # it has deleted what the killed one left
        make_old(writing)
        sweep(tmp_path)
        assert {*tmp_path.iterdir()} == writing
        process.communicate()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"half"


def write_folder_and_file(folder):
    with FolderWriter(folder / "new" / "out", "name") as writer:
        with open_whole(writer.folder / "file") as file:
            file.write(b"whole")
        writer.publish()
    write_whole(folder / "file", b"whole")


def left_by_ending(folder, line):
    """Return what a process leaves that a signal ends before the given line of hardmax's code.

    None if the work takes fewer lines.
    """
    lines, left = 0, None

    def trace(frame, event, argument):
        nonlocal lines, left
        if event == "line" and frame.f_globals["__name__"].startswith("hardmax."):
            lines += 1
        if lines < line:
            return trace
        sys.settrace(None)
        discard_unfinished()
        left = [*folder.rglob("*.hardmax-*")]
        raise SystemExit

    before = sys.gettrace()
    try:
        sys.settrace(trace)
        write_folder_and_file(folder)
    except SystemExit:
        pass
    finally:
        sys.settrace(before)
    return left


def test_a_process_that_ends_at_any_line_leaves_nothing_unfinished(tmp_path):
    line = 0
    while True:
        line += 1
        folder = tmp_path / str(line)
        folder.mkdir()
        left = left_by_ending(folder, line)
        if left is None:
            break
        assert left == [], line
    assert line > 50
    assert (folder / "new" / "out" / "file").read_bytes() == b"whole"


def test_a_link_with_the_name_of_a_temporary_file_is_not_followed(tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    (target / "file").touch()
    link = tmp_path / ".hardmax-0123456789abcdef"
    link.symlink_to(target)
    os.utime(link, (0, 0), follow_symlinks=False)
    sweep(tmp_path)
    assert (target / "file").exists()


def test_a_full_disk_leaves_the_old_file(tmp_path):
    """A limit on the size of files stands for the disk."""
    path = tmp_path / "file"
    path.write_text("old")
    code = """if True:
        import resource, sys
        from pathlib import Path
        from hardmax.files import write_whole
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        write_whole(Path(sys.argv[1]), b"new" * 1000)
    """
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"RunError: cannot write {path}: File too large" in done.stderr
    assert [*tmp_path.iterdir()] == [path]
    assert path.read_text() == "old"
