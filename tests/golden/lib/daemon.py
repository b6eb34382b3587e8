# SPDX-License-Identifier: BSD-3-Clause
"""One `sluiced` in the foreground: started, asked over its control socket, stopped."""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

START_SECONDS = 120
STOP_SECONDS = 120
ANSWER_SECONDS = 60
POLL_SECONDS = 0.01
NOBODY = 65534
READER = """
import socket, sys
connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
connection.connect(sys.argv[1])
connection.sendall(sys.stdin.read().encode())
sys.stdout.write(connection.makefile().readline())
"""
# To be preloaded: the process stops itself as soon as its control socket can be connected to.
HOLD_AT_LISTEN = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int listen(int fd, int backlog)
{
	int (*real)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "listen");
	int result = real(fd, backlog);
	struct sockaddr_un address = { 0 };
	socklen_t size = sizeof(address);

	getsockname(fd, (struct sockaddr *)&address, &size);
	if (address.sun_family == AF_UNIX && strcmp(address.sun_path, getenv("HOLD_AT")) == 0)
		kill(getpid(), SIGSTOP);
	return result;
}
"""
SANITIZER_REPORT = re.compile(r"ERROR: \w*Sanitizer|runtime error:|SUMMARY: \w*Sanitizer")


class DaemonError(AssertionError):
    """The process did not do what it was started for."""


class Daemon:
    """Use as a context manager; on leaving it, nothing of the process is left."""

    def __init__(self, build, directory, configuration, environment=None):
        self.directory = directory
        self.socket_path = configuration["control"]["socket"]
        self.configuration_path = os.path.join(directory, "sluice.json")
        self.log_path = os.path.join(directory, "log")
        with open(self.configuration_path, "w") as file:
            json.dump(configuration, file, indent=2)
        os.chmod(self.configuration_path, 0o640)
        # Not root: EAL wants a runtime directory it may write to.
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": directory, **(environment or {})}
        self.command = [os.path.join(build, "control", "sluiced"), "-c", self.configuration_path]
        self.process = None
        self.connection = None
        self.request = 0

    def __enter__(self):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment
            )
        return self

    def __exit__(self, kind, value, traceback):
        if self.connection:
            self.connection.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def wait_for(self, condition, what, seconds):
        """Returns the first true answer of condition(); a process that ended fails at once."""
        deadline = time.monotonic() + seconds
        while True:
            # Asked before the condition, so that what a dying process did last still counts.
            ended = self.process.poll()
            answer = condition()
            if answer:
                return answer
            if ended is not None:
                raise DaemonError(f"sluiced ended with {ended} while waiting for {what}")
            if time.monotonic() > deadline:
                raise DaemonError(f"{what}: not within {seconds} s")
            time.sleep(POLL_SECONDS)

    def _connect(self):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(ANSWER_SECONDS)
        try:
            connection.connect(self.socket_path)
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            return None
        return connection

    def ask(self, method, parameters):
        """The answer as it came: with a result, or with an error."""
        if not self.connection:
            self.connection = self.wait_for(self._connect, "the control socket", START_SECONDS)
            self.answers = self.connection.makefile("rb")
        self.request += 1
        message = {"jsonrpc": "2.0", "id": self.request, "method": method}
        if parameters:
            message["params"] = parameters
        try:
            self.connection.sendall(json.dumps(message).encode() + b"\n")
            line = self.answers.readline()
        except OSError as failure:
            raise DaemonError(f"no answer to {method}: {failure}") from None
        if not line.endswith(b"\n"):
            raise DaemonError(f"no whole answer to {method}: {line!r}")
        answer = json.loads(line)
        if answer.get("id") != self.request:
            raise DaemonError(f"answer to {method} {parameters}: {answer}")
        return answer

    def hang_up(self):
        """The next call has a new connection."""
        self.connection.close()
        self.answers.close()
        self.connection = None

    def call(self, method, **parameters):
        answer = self.ask(method, parameters)
        if "result" not in answer:
            raise DaemonError(f"answer to {method} {parameters}: {answer}")
        return answer["result"]

    def call_as_reader(self, method, **parameters):
        """The same by a user who may only read: nobody, in the group of the socket."""
        folder = self.directory
        while folder != tempfile.gettempdir():
            os.chmod(folder, 0o711)
            folder = os.path.dirname(folder)
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        reader = subprocess.run(
            [sys.executable, "-c", READER, self.socket_path], input=json.dumps(message) + "\n",
            user=NOBODY, group=os.stat(self.socket_path).st_gid, extra_groups=[],
            capture_output=True, text=True, timeout=ANSWER_SECONDS,
        )
        if reader.returncode != 0:
            raise DaemonError(f"a reader could not call {method}: {reader.stderr}")
        answer = json.loads(reader.stdout)
        if "result" not in answer:
            raise DaemonError(f"answer to {method} {parameters} of a reader: {answer}")
        return answer["result"]

    def refused(self, method, **parameters):
        """The sentence of the error that a call is answered with."""
        answer = self.ask(method, parameters)
        if "error" not in answer:
            raise DaemonError(f"{method} {parameters} was granted: {answer}")
        return answer["error"]["message"]

    def wait_end(self):
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise DaemonError(f"still there after {STOP_SECONDS} s") from None

    def wait_held(self):
        """Until the process has stopped itself (HOLD_AT_LISTEN)."""
        deadline = time.monotonic() + START_SECONDS
        while self.state() != "T":
            if self.process.poll() is not None:
                raise DaemonError(f"ended before its control socket was there:\n{self.log()}")
            if time.monotonic() > deadline:
                raise DaemonError("there is no control socket")
            time.sleep(POLL_SECONDS)
        if not os.path.exists(self.socket_path) or " ready: " in self.log():
            raise DaemonError(f"not held at its control socket:\n{self.log()}")

    def state(self):
        """As in /proc/PID/stat: "R", "S", "T", ..."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]

    def stop_held(self):
        """Tells it to end while it is held, and lets it go on."""
        self.process.send_signal(signal.SIGTERM)
        self.process.send_signal(signal.SIGCONT)
        self.expect_clean_end()

    def look_for_reports(self):
        """Not every report of a sanitizer changes the exit status."""
        log = self.log()
        if SANITIZER_REPORT.search(log):
            raise DaemonError(f"a sanitizer reports:\n{log[-8000:]}")

    def stop(self):
        """The clean way: SIGTERM, then exit status 0 and nothing to complain of."""
        self.process.send_signal(signal.SIGTERM)
        self.expect_clean_end()

    def expect_clean_end(self):
        status = self.wait_end()
        self.look_for_reports()
        if status != 0:
            raise DaemonError(f"exit status {status} after SIGTERM")
