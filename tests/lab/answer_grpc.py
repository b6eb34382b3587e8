# SPDX-License-Identifier: BSD-3-Clause
"""A gRPC server that has grpc.health.v1 and nothing else.

usage: answer_grpc.py PORT CERTIFICATE|- [SERVICE=SERVING|NOT_SERVING]...

CERTIFICATE is the path of NAME.pem, beside which there is NAME.key; `-` is without TLS. The empty
name of a service stands for the whole server. Of services that are not named it says NOT_FOUND.
"""

import concurrent.futures
import pathlib
import sys

import grpc

# HealthCheckRequest has the string `service` as field 1, HealthCheckResponse the enum `status`.
SERVICE_TAG = 0x0A
ANSWERS = {"SERVING": b"\x08\x01", "NOT_SERVING": b"\x08\x02"}


def read_service(request):
    """The name is shorter than 128 bytes here, so its length is one byte."""
    if not request:
        return ""
    tag, length, name = request[0], request[1], request[2:]
    if tag != SERVICE_TAG or length != len(name):
        raise ValueError(request)
    return name.decode()


def make_handler(services):
    def check(request, context):
        name = read_service(request)
        if name not in services:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return ANSWERS[services[name]]

    return grpc.method_handlers_generic_handler(
        "grpc.health.v1.Health", {"Check": grpc.unary_unary_rpc_method_handler(check)}
    )


def main():
    port, certificate, *services = sys.argv[1:]
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=2))
    server.add_generic_rpc_handlers([make_handler(dict(word.split("=") for word in services))])
    address = f"0.0.0.0:{port}"
    if certificate == "-":
        server.add_insecure_port(address)
    else:
        chain = pathlib.Path(certificate)
        pair = chain.with_suffix(".key").read_bytes(), chain.read_bytes()
        server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
    server.start()
    server.wait_for_termination()


main()
