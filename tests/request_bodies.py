"""Bodies of requests for schemathesis: no schema can say what an image or a table in a file is."""

import csv
import io

import schemathesis
from hypothesis import strategies as st
from PIL import Image
from support import noise


def image(seed):
    file = io.BytesIO()
    Image.fromarray(noise(4 + seed, 5, 3, seed=seed)).save(file, "PNG")
    return file.getvalue()


def table(numbers):
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["months", "plan", "contract", "since", "note"])
    writer.writerows([number, "basic", "yes", "2024-01-31", "glad"] for number in numbers)
    return file.getvalue().encode()


images = st.integers(0, 9).map(image)
schemathesis.openapi.format("binary", images)
schemathesis.openapi.media_type("image/*", images)
schemathesis.openapi.media_type("application/octet-stream", images)
tables = st.lists(st.integers(-9, 9), min_size=1, max_size=3).map(table)
schemathesis.openapi.media_type("text/csv", tables)
