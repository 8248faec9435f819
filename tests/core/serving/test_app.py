"""The routes beside those for predictions: pages, descriptions and figures."""

import base64
import hashlib
import json
import re

import browser
from http_clients import ask
from prometheus_client.parser import text_string_to_metric_families

import hardmax
from hardmax.serving.pages import report_policy

JSON = "application/json"
ROW = json.dumps(dict.fromkeys(["months", "plan", "contract", "since", "note"])).encode()


def test_the_page_and_its_files(server):
    page = ask(server, "/")
    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'self'" in page.headers["content-security-policy"]
    names = re.findall(r'(?:src|href)="(static/[^"]+)"', page.content.decode())
    assert len(names) > 2
    kinds = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    for name in names:
        file = ask(server, f"/{name}")
        assert file.status == 200
        assert file.headers["content-type"].startswith(kinds[name.rpartition(".")[2]])


def test_models(server):
    found = ask(server, "/models").json
    assert [(one["name"], one["kind"]) for one in found["models"]] == [
        ("visits", "table"),
        ("clothes", "images"),
    ]
    assert found["limits"]["body"] == 32 * 2**20


def test_reports(server, table_run):
    report = ask(server, "/report/visits")
    assert report.status == 200
    assert report.headers["content-type"] == "text/html; charset=utf-8"
    assert report.content == (table_run / "report.html").read_bytes()
    policy = report.headers["content-security-policy"]
    assert "script-src 'none'" in policy
    assert "sandbox" in policy


def test_a_report_may_run_its_own_scripts_alone():
    script = '\nconst a = "<b>";\n'
    content = f"<p onclick='x()'>a<script>{script}</script>".encode()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in report_policy(content)


def test_what_there_is_not(server):
    paths = [
        "/none",
        "/static/none",
        "/static/../app.py",
        "/static/%2e%2e/__init__.py",
        "/report/none",
    ]
    paths += ["/report/..%2fvisits", "/v2/models/none", "/v2/models/none/ready", "/predict/", "//"]
    for path in paths:
        answer = ask(server, path)
        assert answer.status == 404
        assert answer.error
    for path, method, allowed in [
        ("/predict", "GET", "POST"),
        ("/models", "POST", "GET, HEAD"),
        ("/v2/models/visits/infer", "DELETE", "POST"),
        ("/", "OPTIONS", "GET, HEAD"),
    ]:
        answer = ask(server, path, method=method)
        assert answer.status == 405
        assert {*answer.headers["allow"].split(", ")} == {*allowed.split(", ")}
        assert method in answer.error


def test_head_has_no_content(server):
    answer = ask(server, "/models", method="HEAD")
    assert (answer.status, answer.content) == (200, b"")


def test_figures(server):
    before = figures(server)
    for _ in range(3):
        ask(server, "/predict?model=visits", b"[" + b",".join([ROW] * 5) + b"]", JSON)
    ask(server, "/predict?model=visits", b"x", JSON)
    ask(server, "/none?secret=1")
    after = figures(server)

    def rise(name, **labels):
        key = (name, *sorted(labels.items()))
        return after.get(key, 0) - before.get(key, 0)

    assert rise("hardmax_requests_total", route="/predict", status="200") == 3
    assert rise("hardmax_requests_total", route="/predict", status="400") == 1
    assert rise("hardmax_requests_total", route="other", status="404") == 1
    assert rise("hardmax_request_seconds_count", route="/predict") == 4
    assert rise("hardmax_examples_total", model="visits") == 15
    assert rise("hardmax_batch_examples_count", model="visits") == 3
    assert rise("hardmax_batch_examples_sum", model="visits") == 15
    assert rise("hardmax_batch_seconds_count", model="visits") == 3
    assert rise("hardmax_batch_seconds_sum", model="visits") > 0
    assert after[("hardmax_requests_in_progress",)] == 1  # this one
    assert after[("process_resident_memory_bytes",)] > 2**20


def figures(server):
    text = ask(server, "/metrics").content.decode()
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_description_and_its_page(server):
    described = ask(server, "/openapi.json").json
    assert (described["openapi"], described["info"]["version"]) == ("3.1.0", hardmax.__version__)
    assert "security" not in described
    page = ask(server, "/docs").content.decode()
    for path in described["paths"]:
        assert (
            f"<code>{'POST' if 'post' in described['paths'][path] else 'GET'} {path}</code>" in page
        )
        if "get" in described["paths"][path]:
            assert ask(server, path).status == 200
    assert re.findall(r"https?://", page) == []
    for name in re.findall('href="#([^"]+)"', page):
        assert f'id="{name}"' in page


def test_the_page_of_the_description_in_a_browser(server, chromium):
    with browser.opened(chromium, server.address) as page:
        page.goto(f"{server.address}docs")
        for part in page.locator("details").all()[:4]:
            part.locator("summary").click()
        browser.check_page(page)
