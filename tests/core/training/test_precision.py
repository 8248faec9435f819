"""The precision of training steps: what is available, and what auto stands for."""

from types import SimpleNamespace

import pytest

from hardmax import frameworks
from hardmax.errors import ArgumentError
from hardmax.networks import catalog
from hardmax.networks.layers import Conv
from hardmax.networks.shapes import walk
from hardmax.runs.auto import WITHOUT_GAIN, with_precision
from hardmax.runs.settings import Settings
from hardmax.training.precision import cpu_has_bfloat16


@pytest.mark.parametrize(
    ("lines", "has"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16 avx512_vnni\n", True),
        ("flags : fpu amx_bf16\n\nprocessor : 1\nflags : fpu amx_bf16\n", True),
        ("flags\t\t: fpu avx2 avx512f avx512_vnni\nbugs\t: avx512_bf16\n", False),
        ("Features\t: fp asimd bf16\n", False),
        ("", False),
    ],
)
def test_a_cpu_has_bfloat16_by_its_flags(tmp_path, lines, has):
    (tmp_path / "cpuinfo").write_text(lines)
    assert cpu_has_bfloat16(tmp_path / "cpuinfo") == has


def test_a_system_without_a_description_of_its_cpu_has_none(tmp_path):
    assert not cpu_has_bfloat16(tmp_path / "missing")


@pytest.mark.parametrize("name", catalog.NETWORKS)
def test_networks_say_whether_they_have_convolutions(name):
    shape = (3,) if name == "realmlp" else (224, 224, 3)
    layers = [place.layer for place in walk(catalog.make(name, shape, 10), shape)]
    assert catalog.NETWORKS[name].convolves == any(isinstance(layer, Conv) for layer in layers)


@pytest.fixture(params=[True, False])
def has_fast(request, monkeypatch):
    """Whether the device of the framework, which stands for any, is faster in bfloat16."""

    def load(name):
        asked = {"cpu": request.param}
        find = {"cpu": "cpu", "auto": "cpu"}.__getitem__
        runtime = SimpleNamespace(find_device=find, has_fast_bfloat16=asked.__getitem__)
        return SimpleNamespace(runtime=runtime)

    monkeypatch.setattr(frameworks, "load", load)
    return request.param


@pytest.mark.parametrize("name", catalog.NETWORKS)
def test_auto_is_bfloat16_where_convolutions_are_faster(has_fast, name):
    settings = with_precision(Settings(data="x", model=name))
    is_narrow = has_fast and catalog.NETWORKS[name].convolves and name not in WITHOUT_GAIN
    assert settings.precision == ("bfloat16" if is_narrow else "float32")


def test_a_precision_that_is_given_stays(has_fast):
    for precision in ("float32", "bfloat16"):
        for name in ("small-resnet", "lenet"):
            settings = Settings(data="x", model=name, precision=precision)
            assert with_precision(settings) is settings


def test_minutes_still_choose_the_epochs(has_fast):
    settings = with_precision(Settings(data="x", model="resnet18", minutes=1.0))
    assert settings == Settings(
        data="x",
        model="resnet18",
        minutes=1.0,
        precision="bfloat16" if has_fast else "float32",
    )
    assert "epochs" in settings.unset


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "mlp"}, "model mlp has no convolutions"),
        ({"model": "softmax-regression"}, "model softmax-regression has no convolutions"),
        ({"pretrained": "efficientnet-lite0"}, "the last layer has no convolutions"),
        ({"model": "lenet", "framework": "mxnet"}, "mxnet trains in float32 only"),
        ({"framework": "mxnet"}, "use torch, jax, tensorflow"),
    ],
)
def test_bfloat16_without_convolutions_is_refused(options, words):
    with pytest.raises(ArgumentError, match=words):
        Settings(data="x", precision="bfloat16", **options)


def test_the_head_of_a_pretrained_network_is_trained_in_float32():
    pretrained = {"pretrained": "efficientnet-lite0", "finetune": True}
    settings = Settings(data="x", precision="bfloat16", **pretrained)
    assert settings.of_head.precision == "float32"


def test_only_known_precisions_are_settings():
    with pytest.raises(ArgumentError, match="precision 'float16'; choose one of auto, float32, bf"):
        Settings(data="x", precision="float16")
