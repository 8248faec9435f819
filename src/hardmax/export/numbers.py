"""Numbers in table cells, also as people write them, parsed in a graph."""

import numpy as np

from hardmax.data.tables.cells import NUMBER, STYLES, formatted
from hardmax.export.cells import first_token
from hardmax.export.graph import BOOL, DOUBLE, INT64, STRING, Graph, lookup, tokens

__all__ = ["add_numbers"]

#: Numbers are parsed if the least power of ten above them is from -306 to 151, which cannot fail.
LEAST, MOST = -306, 151

#: An exponent of ten that fits into int64; one of more digits is replaced by the largest.
EXPONENT, LARGEST = r"[+-]?0*\d{1,9}", "999999999"


def add_numbers(graph: Graph, plain: str, parser: str) -> str:
    """Return trimmed texts, STRING (cells,), as numbers, DOUBLE; others are NaN.

    ``parser`` is "number" or one of STYLES. Numbers of at least 1e151 are NaN, and those nearer to
    0 than 1e-307 are 0.
    """
    # The added signs and exponents are there so that no text and no part of it is empty.
    plus = graph.constant("+", object)
    if parser in STYLES:
        known = _matching(graph, _signed(graph, plain), formatted(parser))
        text = graph.op("StringConcat", plus, known)
        return _parsed(graph, text, graph.constant(0, np.int64), STYLES[parser][1])
    known = graph.op("StringConcat", plus, _matching(graph, plain, NUMBER))
    whole = graph.op("StringConcat", known, graph.constant("e0", object))
    parts = tokens(graph, whole, tokenexp="[^eE]+")
    text, exponent = (
        graph.op("Gather", parts, graph.constant(at, np.int64), axis=1) for at in (0, 1)
    )
    return _parsed(graph, text, _exponents(graph, exponent), ".")


def _matching(graph: Graph, texts: str, pattern: str) -> str:
    """Return the texts that match a regular expression, and "" for others."""
    matches = graph.op("RegexFullMatch", texts, pattern=pattern)
    return graph.op("Where", matches, texts, graph.constant("", object))


def _signed(graph: Graph, plain: str) -> str:
    """Return texts with a minus sign instead of parentheses around them."""
    enclosed = _matching(graph, plain, r"\([^()\n]*\)")
    inner = first_token(graph, enclosed, r"[^()\n]+")
    negative = graph.op("StringConcat", graph.constant("-", object), inner)
    is_enclosed = graph.op("Not", graph.op("Equal", enclosed, graph.constant("", object)))
    return graph.op("Where", is_enclosed, negative, plain)


def _exponents(graph: Graph, texts: str) -> str:
    """Return exponents of ten as INT64."""
    is_negative = graph.op("RegexFullMatch", texts, pattern="-.*")
    limits = (graph.constant(sign + LARGEST, object) for sign in ("-", ""))
    limit = graph.op("Where", is_negative, *limits)
    is_short = graph.op("RegexFullMatch", texts, pattern=EXPONENT)
    return graph.op("Cast", graph.op("Where", is_short, texts, limit), to=INT64)


def _parsed(graph: Graph, texts: str, exponents: str, mark: str) -> str:
    """Return the numbers of texts times powers of ten, DOUBLE; those without a digit are NaN.

    Signs, digits and the decimal ``mark`` count, no other characters.
    """
    characters = tokens(graph, texts, separators=[""])
    is_digit = _are(graph, characters, "0123456789")
    is_significant = graph.op("Sign", _running(graph, _are(graph, characters, "123456789")))
    is_decimal = _running(graph, _are(graph, characters, mark))
    count = _total(graph, is_digit)
    significant = _total(graph, graph.op("Mul", is_digit, is_significant))
    decimals = _total(graph, graph.op("Mul", is_digit, is_decimal))
    shifted = graph.op("Sub", exponents, decimals)
    exponent = graph.op("Mul", shifted, graph.op("Sign", significant))  # that of 0 does not matter
    power = graph.op("Add", significant, exponent)
    is_number = graph.op(
        "And",
        graph.op("Cast", count, to=BOOL),
        graph.op("LessOrEqual", power, graph.constant(MOST, np.int64)),
    )
    is_small = graph.op("Less", power, graph.constant(LEAST, np.int64))
    digits = _digits(graph, texts, characters)
    # What is parsed has no decimal mark, as which one is understood depends on the locale.
    scientific = graph.op(
        "StringConcat",
        graph.op("StringConcat", digits, graph.constant("e", object)),
        graph.op("Cast", exponent, to=STRING),
    )
    is_parsed = graph.op("And", is_number, graph.op("Not", is_small))
    known = graph.op("Where", is_parsed, scientific, graph.constant("0", object))
    values = graph.op("Cast", known, to=DOUBLE)
    return graph.op("Where", is_number, values, graph.constant(float("nan")))


def _are(graph: Graph, characters: str, chosen: str) -> str:
    """Return which characters are among the chosen ones, INT64."""
    return lookup(graph, characters, dict.fromkeys(chosen, 1), 0)


def _running(graph: Graph, flags: str) -> str:
    """Return the sums of flags up to each."""
    return graph.op("CumSum", flags, graph.constant(1, np.int64))


def _total(graph: Graph, flags: str) -> str:
    return graph.op("ReduceSum", flags, graph.constant([1], np.int64), keepdims=0)


def _digits(graph: Graph, texts: str, characters: str) -> str:
    """Return the digits of texts, joined and behind a minus sign if there is one."""
    is_negative = graph.op("RegexFullMatch", texts, pattern="(?s).*[-−].*")
    signs = (graph.constant(sign, object) for sign in ("-", ""))
    digits = lookup(graph, characters, {digit: digit for digit in "0123456789"}, "")
    body = Graph("joined:")
    text, digit = "joined:0", "joined:1"
    longer = body.op("StringConcat", text, digit)
    # ONNX Runtime appends to the text of an earlier step if the last operator is StringConcat.
    has_none = body.op("Equal", digit, body.constant("", object))
    joined = body.op("Where", has_none, text, longer)
    return graph.op(
        "Scan",
        graph.op("Where", is_negative, *signs),
        digits,
        body=body.subgraph({text: STRING, digit: STRING}, joined, STRING),
        num_scan_inputs=1,
        scan_input_axes=[1],
    )
