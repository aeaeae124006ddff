#!/usr/bin/env python3
"""Holds the document that the simulator's own interface serves to the rules of OpenAPI 3.1, by other people's checker
(openapi-spec-validator, jsonschema), and then what the interface answers to the document. Reads the simulator's
environment; exits 0 if all went well."""

import json
import os
import urllib.error
import urllib.request

import jsonschema
from openapi_spec_validator import OpenAPIV31SpecValidator

ROOT = os.environ["WXPAY_BASE_URL"] + "/_sim/v1"


def call(method, path, body=None):
    """Status, media type and JSON of an answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(ROOT + path, data, method=method)
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.headers.get_content_type(), json.load(answer)


def held(document, method, path, status, kind, answer):
    """Fails unless the answer is one that the document has for the call."""
    response = document["paths"][path][method.lower()]["responses"][str(status)]
    schema = {**response["content"][kind]["schema"], "components": document["components"]}
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(answer)


status, kind, document = call("GET", "/openapi.json")
assert (status, kind) == (200, "application/json"), (status, kind)
assert document["openapi"].startswith("3.1."), document["openapi"]
OpenAPIV31SpecValidator(document).validate()
print(f"the document of {len(document['paths'])} paths keeps to OpenAPI 3.1")

broken = json.loads(json.dumps(document))
del broken["paths"]["/clock"]["get"]["responses"]
broken["paths"]["/faults/{id}"]["get"]["parameters"] = []
assert next(OpenAPIV31SpecValidator(broken).iter_errors(), None), "the checker finds nothing wrong with a broken document"
print("a broken one does not")

mchid = os.environ["WXPAY_MCHID"]
for method, path, body in [
    ("POST", "/faults", {"kind": "delayed", "millis": 1, "operation": "token", "count": 1}),
    ("POST", "/merchants", {"mchid": "1900000109"}),
    ("PATCH", "/settings", {"rate_limits": True}),
    ("POST", "/clock", {"advance_seconds": 1}),
]:
    held(document, method, path, *call(method, path, body))
shown = [path for path, methods in document["paths"].items() if "get" in methods and "{" not in path]
for path in shown:
    held(document, "GET", path, *call("GET", path))
for path in ["/merchants/{mchid}", "/merchants/{mchid}/platform", "/merchants/{mchid}/environment"]:
    held(document, "GET", path, *call("GET", path.replace("{mchid}", mchid)))
print(f"the answers of {len(shown) + 7} calls keep to the document")

for method, path, template, body, expected in [
    ("POST", "/orders/nobody/pay", "/orders/{out_trade_no}/pay", {}, 404),
    ("POST", "/clock", "/clock", {"advance_seconds": -1}, 400),
    ("POST", "/faults", "/faults", {"kind": "flood"}, 400),
    ("PUT", "/clock", "/clock", {"now": 0}, 409),
]:
    status, kind, problem = call(method, path, body)
    assert (status, kind) == (expected, "application/problem+json"), (path, status, kind)
    held(document, method, template, status, kind, problem)
status, kind, _ = call("DELETE", "/clock")
assert (status, kind) == (405, "application/problem+json"), (status, kind)
print("and so do those of refusals")
