"""hardmax trains, evaluates and deploys classifiers, with the same API in every framework.

The namespace selects the framework: ``from hardmax import torch`` uses PyTorch. A framework is
imported only when its namespace is. ``load`` needs none. Nothing else is imported here, so
``import hardmax`` is fast.
"""

__version__ = "0.2.0"

__all__ = ["__version__", "load"]

TYPE_CHECKING = False  # as typing has it, which is not imported here
if TYPE_CHECKING:
    import os

    from hardmax.export.classifier import OnnxClassifier


def load(run: "str | os.PathLike[str]") -> "OnnxClassifier":
    """Return the trained classifier of a run folder, computed by ONNX Runtime.

    It classifies images, rows or files by ``predict`` and ``predict_proba``, whatever the framework
    of the training; none has to be installed. ``hardmax.torch.load`` and those of the other
    frameworks return the same with the framework's own model. Raises RunError for an unusable run,
    and ExportError if onnx or onnxruntime is not installed.
    """
    from hardmax.export.classifier import OnnxClassifier

    return OnnxClassifier(run)
