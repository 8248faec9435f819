"""``hardmax models`` agrees with what was published about the networks."""

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
def test_weight_counts_are_the_published_ones(hardmax, name, size, classes, weights):
    done = hardmax("models", name, "--size", size, "--classes", classes, "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["weights"] == weights == sum(layer["weights"] for layer in summary["layers"])
    assert summary["layers"][-1]["outputs"] == [classes]


def test_every_network_is_listed(hardmax):
    listed = json.loads(hardmax("models", "--size", "96x96x3", "--json").stdout)
    assert [network["model"] for network in listed] == list(NETWORKS)
    linear = next(network for network in listed if network["model"] == "softmax-regression")
    assert linear["weights"] == (96 * 96 * 3 + 1) * 10
    assert linear["flops"] == 2 * 96 * 96 * 3 * 10


def test_the_text_ends_with_the_totals(hardmax):
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
def test_invalid_arguments_are_one_line(hardmax, arguments):
    done = hardmax("models", *arguments)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


def test_no_framework_is_imported(python):
    python(
        "import sys; from hardmax.cli.main import app; app(['models'], standalone_mode=False)\n"
        "assert not {'torch', 'jax', 'tensorflow', 'mxnet'} & {*sys.modules}"
    )
