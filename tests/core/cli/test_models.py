"""``hardmax models`` tells of networks what has been published of them."""

import json

import pytest

from hardmax.networks.catalog import NETWORKS


@pytest.mark.parametrize(
    ("name", "size", "classes", "weights"),
    [
        ("lenet", "28x28x1", 10, 61_706),
        ("resnet18", "224x224x3", 1000, 11_689_512),
        ("vgg11", "224x224x3", 1000, 132_863_336),
    ],
)
def test_weights_are_those_that_were_published(hardmax, name, size, classes, weights):
    done = hardmax("models", name, "--size", size, "--classes", classes, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["weights"] == weights == sum(layer["weights"] for layer in told["layers"])
    assert told["layers"][-1]["outputs"] == [classes]


def test_every_network_is_listed(hardmax):
    listed = json.loads(hardmax("models", "--size", "96x96x3", "--json").stdout)
    assert [one["model"] for one in listed] == list(NETWORKS)
    linear = next(one for one in listed if one["model"] == "softmax-regression")
    assert linear["weights"] == (96 * 96 * 3 + 1) * 10
    assert linear["operations"] == 2 * 96 * 96 * 3 * 10


def test_text_ends_with_the_totals(hardmax):
    assert "61,706" in hardmax("models").stdout
    assert "lenet: 61,706 weights" in hardmax("models", "lenet").stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing",),
        ("--size", "28x28"),
        ("--size", "0x1x1"),
        ("--classes", "0"),
        ("lenet", "--size", "2x2x1"),
    ],
)
def test_what_makes_no_sense_is_one_line(hardmax, arguments):
    done = hardmax("models", *arguments)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


def test_no_framework_is_imported(python):
    python(
        "import sys; from hardmax.cli.main import app; app(['models'], standalone_mode=False)\n"
        "assert not {'torch', 'jax', 'tensorflow', 'mxnet'} & {*sys.modules}"
    )
