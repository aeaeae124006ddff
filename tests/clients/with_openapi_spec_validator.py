#!/usr/bin/env python3
"""Validates the OpenAPI 3.1 document of the control interface, and the interface's responses against the document.

Uses third-party validators (openapi-spec-validator, jsonschema). Reads the simulator's environment; exits with 0 on
success.
"""

import json
import os
import urllib.error
import urllib.request

import jsonschema
from openapi_spec_validator import OpenAPIV31SpecValidator

ROOT = os.environ["WXPAY_BASE_URL"] + "/_sim/v1"


def call(method, path, body=None):
    """Sends a request and returns status, media type and JSON of the response."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(ROOT + path, data, method=method)
    try:
        response = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        response = error
    with response:
        return response.status, response.headers.get_content_type(), json.load(response)


def validate(document, method, path, status, kind, body):
    """Validates a response against the document's schema for it."""
    response = document["paths"][path][method.lower()]["responses"][str(status)]
    schema = {**response["content"][kind]["schema"], "components": document["components"]}
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(body)


status, kind, document = call("GET", "/openapi.json")
assert (status, kind) == (200, "application/json"), (status, kind)
assert document["openapi"].startswith("3.1."), document["openapi"]
OpenAPIV31SpecValidator(document).validate()
print(f"the document of {len(document['paths'])} paths conforms to OpenAPI 3.1")

broken = json.loads(json.dumps(document))
del broken["paths"]["/clock"]["get"]["responses"]
broken["paths"]["/faults/{id}"]["get"]["parameters"] = []
assert next(OpenAPIV31SpecValidator(broken).iter_errors(), None), "the validator must report a broken document"
print("a broken document is reported")

mchid = os.environ["WXPAY_MCHID"]
for method, path, body in [
    ("POST", "/faults", {"kind": "delayed", "millis": 1, "operation": "v1.token", "count": 1}),
    ("POST", "/merchants", {"mchid": "1900000109"}),
    ("PATCH", "/settings", {"rate_limits": True}),
    ("POST", "/clock", {"advance_seconds": 1}),
]:
    validate(document, method, path, *call(method, path, body))
listed = [path for path, methods in document["paths"].items() if "get" in methods and "{" not in path]
for path in listed:
    validate(document, "GET", path, *call("GET", path))
for path in ["/merchants/{mchid}", "/merchants/{mchid}/platform", "/merchants/{mchid}/environment"]:
    validate(document, "GET", path, *call("GET", path.replace("{mchid}", mchid)))
print(f"the responses of {len(listed) + 7} requests conform to the document")

for method, path, template, body, expected in [
    ("POST", "/orders/nobody/pay", "/orders/{out_trade_no}/pay", {}, 404),
    ("POST", "/clock", "/clock", {"advance_seconds": -1}, 400),
    ("POST", "/faults", "/faults", {"kind": "flood"}, 400),
    ("POST", "/merchants", "/merchants", {"mchid": "1900000109"}, 409),
    ("POST", "/faults", "/faults", {"kind": "early", "from": 1, "until": 1}, 422),
]:
    status, kind, problem = call(method, path, body)
    assert (status, kind) == (expected, "application/problem+json"), (path, status, kind)
    validate(document, method, template, status, kind, problem)
status, kind, _ = call("DELETE", "/clock")
assert (status, kind) == (405, "application/problem+json"), (status, kind)
print("the responses to invalid requests conform to the document")
