# SPDX-License-Identifier: BSD-3-Clause
"""Connections from chosen ports, which may vanish without a word.

usage: half_open.py leave|close HOST PORT...

Asks for a page from each of these local ports, one after the other, and prints `PORT NAME` with the
X-Backend of the server that answered, or `PORT none REASON`. With `leave` the client then forgets
the connection, as one that lost its power (TCP_REPAIR, tcp(7)): its server goes on believing in it.
"""

import http.client
import socket
import sys

TCP_REPAIR = 19
# a SYN is sent again after 1, 3 and 7 s
PATIENCE_SECONDS = 10


def ask(host, port, leave):
    connection = http.client.HTTPConnection(host, timeout=PATIENCE_SECONDS, source_address=("", port))
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        if leave:
            connection.sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        return answer.headers["X-Backend"]
    except OSError as error:
        return f"none {error}"
    finally:
        connection.close()


def main():
    what, host, *ports = sys.argv[1:]
    for port in map(int, ports):
        print(port, ask(host, port, what == "leave"), flush=True)


main()
