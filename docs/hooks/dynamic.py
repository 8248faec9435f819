"""What the names of hardmax's namespaces are where the source alone does not say it.

An extension of Griffe, which reads the source without importing a framework.
"""

import ast
import inspect
from typing import Any

import griffe

from hardmax.frameworks import FRAMEWORKS
from hardmax.runs.namespace import functions
from hardmax.sklearn import HardmaxClassifier


class Namespaces(griffe.Extension):
    """Makes functions of names that are assigned: bound methods, other names, and made functions.

    The estimator gets the arguments and the help that it has at run time. The framework's own
    functions under the book's names stay attributes.
    """

    def on_package(self, *, pkg: griffe.Module, loader: griffe.GriffeLoader, **_: Any) -> None:
        """Complete the namespaces of hardmax."""
        if pkg.path != "hardmax":
            return
        for framework in FRAMEWORKS:
            module = pkg[framework]
            for made in functions(framework):
                module.set_member(made.__name__, function_of(made, module))
            for name, member in list(module.members.items()):
                found = assigned(member)
                if found is not None and found.is_function:
                    module.set_member(name, renamed(found, name))
        module = pkg["sklearn"]
        estimator, init = module[HardmaxClassifier.__name__], HardmaxClassifier.__init__
        estimator.docstring = griffe.Docstring(HardmaxClassifier.__doc__, parent=estimator)
        estimator.set_member(init.__name__, function_of(init, module))

    def on_attribute(self, *, attr: griffe.Attribute, **_: Any) -> None:
        """Take the comment above an attribute, if it starts with ``#:``, as its docstring."""
        if attr.docstring is not None or attr.lineno is None:
            return
        lines = attr.lines_collection[attr.filepath][: attr.lineno - 1]
        comment = []
        while lines and (line := lines.pop().strip()).startswith("#:"):
            comment.append(line.removeprefix("#:").strip())
        if comment:
            attr.docstring = griffe.Docstring("\n".join(reversed(comment)), parent=attr)


def assigned(member: griffe.Object | griffe.Alias) -> griffe.Object | None:
    """Return what of hardmax is assigned to an attribute, or None."""
    try:
        target = member.final_target if member.is_alias else member
    except griffe.AliasResolutionError:
        return None
    if not target.is_attribute or not isinstance(target.value, griffe.Expr):
        return None
    *owners, name = target.value.canonical_path.split(".")
    if owners[:1] != ["hardmax"]:
        return None
    owner = target.package[owners[1:]]
    if owner.is_attribute:  # an instance: _loops = _Loops()
        owner = target.package[owner.value.canonical_path.split(".")[1:]]
    found = owner.all_members.get(name)
    return found.final_target if found is not None and found.is_alias else found


def renamed(function: griffe.Function, name: str) -> griffe.Function:
    """Return a function under another name; a method as if it were bound."""
    bound = function.parent.is_class
    return griffe.Function(
        name,
        parameters=griffe.Parameters(*[*function.parameters][bound:]),
        returns=function.returns,
        docstring=function.docstring,
    )


def function_of(function: Any, module: griffe.Module) -> griffe.Function:
    """Return a function that was made at run time, with its signature and docstring."""
    signature = inspect.signature(function)
    parameters = [
        griffe.Parameter(
            one.name,
            annotation=expression(one.annotation, module),
            kind=griffe.ParameterKind(one.kind.description),
            default=None if one.default is one.empty else repr(one.default),
        )
        for one in signature.parameters.values()
    ]
    return griffe.Function(
        function.__name__,
        parameters=griffe.Parameters(*parameters),
        returns=expression(signature.return_annotation, module),
        docstring=function.__doc__ and griffe.Docstring(function.__doc__),
    )


def expression(annotation: Any, module: griffe.Module) -> griffe.Expr | None:
    """Return an annotation as an expression, whose names are linked to what they mean."""
    is_text = isinstance(annotation, str)
    text = annotation if is_text else inspect.formatannotation(annotation)
    return griffe.safe_get_annotation(ast.parse(text, mode="eval").body, module)
