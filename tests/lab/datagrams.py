# SPDX-License-Identifier: BSD-3-Clause
"""Sends UDP datagrams to every address given, in turn, some thousand a second, until it is ended."""

import socket
import sys
import time

PORT = 9000
BURST = 8
PAUSE_SECONDS = 0.002


def open_socket(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.socket(family, socket.SOCK_DGRAM), (address, PORT)


def main():
    targets = [open_socket(address) for address in sys.argv[1:]]
    while True:
        for number in range(BURST):
            sender, target = targets[number % len(targets)]
            sender.sendto(b"knock", target)
        time.sleep(PAUSE_SECONDS)


main()
