"""ONNX graphs, node by node."""

import numpy as np
import onnx
import onnxruntime as ort

from hardmax.export.graph import BOOL, DOUBLE, Graph


def run(graph, **feeds):
    model = graph.model("test", {"a": "b"})
    onnx.checker.check_model(model, full_check=True)
    session = ort.InferenceSession(model.SerializeToString())
    assert session.get_modelmeta().custom_metadata_map == {"a": "b"}
    return session.run(None, feeds)


def test_a_graph_computes_its_outputs_and_holds_equal_constants_once():
    graph = Graph()
    x = graph.input("x", DOUBLE, "rows")
    two = graph.constant([2.0])
    assert graph.constant(np.array([2.0])) == two != graph.constant([2.0], np.float32)
    graph.output("y", graph.op("Mul", x, two), DOUBLE, "rows")
    np.testing.assert_array_equal(run(graph, x=np.array([1.0, 3.0]))[0], [2.0, 6.0])


def test_a_body_uses_values_from_around_it():
    graph = Graph()
    double = graph.op("Mul", graph.input("x", DOUBLE, "rows"), graph.constant([2.0]))
    bodies = {}
    for name, number in (("then_branch", 10.0), ("else_branch", 20.0)):
        body = Graph(f"{name}/")
        total = body.op("Mul", double, body.constant([number]))
        bodies[name] = body.subgraph({}, total, DOUBLE)
    chosen = graph.op("If", graph.input("is_ten", BOOL), **bodies)
    graph.output("y", chosen, DOUBLE, "rows")
    for is_ten, expected in ((True, 60.0), (False, 120.0)):
        assert run(graph, x=np.array([3.0]), is_ten=np.array(is_ten))[0] == [expected]


def test_a_model_can_be_a_part_of_a_graph_more_than_once():
    part = Graph()
    part.output("y", part.op("Mul", part.input("x", DOUBLE, "rows"), part.constant([2.0])), DOUBLE)
    graph = Graph()
    x = graph.op("Add", graph.input("x", DOUBLE, "rows"), graph.constant([1.0]))
    y = graph.op("Add", graph.splice(part.model("first", {}), x), graph.constant([0.5]))
    graph.output("y", graph.splice(part.model("second", {}), y), DOUBLE, "rows")
    np.testing.assert_array_equal(run(graph, x=np.array([3.0]))[0], [17.0])
