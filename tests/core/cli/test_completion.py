"""The completion of commands, options, choices and files by a real shell."""

import os
import pty
import select
import shutil
import sysconfig

import pytest

from hardmax.networks.catalog import NETWORKS

#: Makes bash show all candidates at the first TAB, and nothing else.
SETTINGS = """
PS1=
bind 'set show-all-if-ambiguous on' 'set bell-style none' 'set enable-bracketed-paste off'
bind 'set completion-query-items 0' 'set page-completions off' 'set completion-display-width 0'
eval "$({script})"
"""
SCRIPTS = ["hardmax --show-completion", "_HARDMAX_COMPLETE=source_bash hardmax"]


class Bash:
    """An interactive bash on a pseudo-terminal, in a folder."""

    def __init__(self, folder, script):
        bash = shutil.which("bash")
        if bash is None:
            pytest.skip("there is no bash")
        path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
        environment = {**os.environ, "PATH": path, "TERM": "dumb", "INPUTRC": os.devnull}
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            os.execve(bash, ["bash", "--norc", "--noprofile", "-i"], environment)
        self.asked = 0
        self.send(SETTINGS.format(script=script))

    def send(self, keys):
        """Send keys; return what is printed until all of them have been read."""
        self.asked += 1
        # The sum is printed, but not the keys of the sum.
        self.write(f"{keys}\x01\x0becho end $((1000 + {self.asked}))\n")
        output, end = "", f"end {1000 + self.asked}\r\n"
        while end not in output:
            assert select.select([self.terminal], [], [], 120)[0], output
            output += os.read(self.terminal, 65536).decode()
        return output.partition(end)[0]

    def write(self, keys):
        os.write(self.terminal, keys.encode())

    def completed(self, line):
        """Return what a line becomes with TAB."""
        printed = self.send(f"{line}\t\x01printf '<%s>' '\x05'\n")
        return printed.rpartition("<")[2].partition(">")[0]

    def candidates(self, line):
        """Return what TAB lists."""
        lines = map(str.strip, self.send(f"{line}\t").splitlines())
        return [one for one in lines if one and " " not in one]  # the line itself has blanks

    def close(self):
        self.write("exit\n")
        os.close(self.terminal)
        os.waitpid(self.process, 0)


@pytest.fixture(scope="module", params=SCRIPTS)
def bash(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("here")
    (folder / "photos").mkdir()
    (folder / "prices.csv").touch()
    bash = Bash(folder, request.param)
    yield bash
    bash.close()


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("hardmax tr", "hardmax train "),
        ("hardmax train --pret", "hardmax train --pretrained "),
        ("hardmax train x --framework t", "hardmax train x --framework t"),
        ("hardmax train x --framework to", "hardmax train x --framework torch "),
        ("hardmax train x --optimizer adamw-", "hardmax train x --optimizer adamw-ntk "),
        ("hardmax evaluate x --framework j", "hardmax evaluate x --framework jax "),
        ("hardmax train pr", "hardmax train prices.csv "),
        ("hardmax predict ph", "hardmax predict photos/"),
        ("hardmax train x --test pr", "hardmax train x --test prices.csv "),
        ("hardmax models lenet-", "hardmax models lenet-modern "),
    ],
)
def test_what_has_one_candidate_is_completed(bash, line, completed):
    assert bash.completed(line) == completed


@pytest.mark.parametrize(
    ("line", "candidates"),
    [
        ("hardmax train --pre", ["--precision", "--pretrained"]),
        ("hardmax train x --optimizer ", ["adam", "adamw", "adamw-ntk", "sgd"]),
        ("hardmax parity x --precision ", ["bfloat16", "float32"]),
        ("hardmax train x --model ", sorted([*NETWORKS, "auto"])),
        ("hardmax train p", ["photos/", "prices.csv"]),
    ],
)
def test_several_candidates_are_listed(bash, line, candidates):
    assert sorted(bash.candidates(line)) == candidates


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(hardmax_process, shell):
    done = hardmax_process(env={"_HARDMAX_COMPLETE": f"source_{shell}"})
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_HARDMAX_COMPLETE=complete_{shell}" in done.stdout


@pytest.mark.parametrize(
    "line", ["hardmax tr", "hardmax train --pre", "hardmax train --framework "]
)
def test_completion_imports_nothing_slow(hardmax_process, line):
    slow = "{'numpy', 'sklearn', 'PIL', 'matplotlib', 'rich', 'jinja2', 'torch', 'jax'}"
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print('slow:', sorted({slow} & sys.modules.keys())))\n"
        "from hardmax.cli.main import main; main()"
    )
    words = str(len(line.split(" ")) - 1)
    env = {"_HARDMAX_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": words}
    done = hardmax_process(program=("-c", code), env=env)
    assert (done.returncode, done.stderr) == (0, "")
    *candidates, last = done.stdout.splitlines()
    assert (last, len(candidates) > 0) == ("slow: []", True)
