# SPDX-License-Identifier: BSD-3-Clause
"""
A program of the measurement: started, found ready, asked for its counts, stopped. Testpmd, Sluice
and Generator say how for theirs. Use as a context manager; on leaving it nothing of the process is
left.
"""
import glob
import os
import socket
import subprocess
import time

from .machine import on_cpus

START_SECONDS = 300
STOP_SECONDS = 120
ANSWER_SECONDS = 120
POLL_SECONDS = 0.02
LOG_LINES = 15
# DPDK names the thread of a worker after its lcore; the prefix changed between its versions.
WORKER_THREADS = ("lcore-worker-", "rte-worker-")


class ProgramError(Exception):
    """It did not do what it was started for; says why, with the end of its log."""


class Program:
    # set by each kind
    name = None
    socket_kind = socket.SOCK_STREAM

    def __init__(self, directory, cpus):
        self.directory = directory
        self.cpus = cpus
        self.log_path = os.path.join(directory, "log")
        self.process = None
        self.connection = None

    def command(self):
        raise NotImplementedError

    def counts(self):
        """(packets received, packets forwarded) since the start."""
        raise NotImplementedError

    def socket_path(self):
        raise NotImplementedError

    def stop(self):
        """Asks it to end."""
        raise NotImplementedError

    def output(self, log):
        """Where its standard output goes."""
        return log

    def __enter__(self):
        # Root or not, DPDK keeps its files where we remove them.
        environment = {
            **os.environ, "RUNTIME_DIRECTORY": self.directory, "XDG_RUNTIME_DIR": self.directory,
        }
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                # we stay away from the worker's CPU; the program needs both
                [*on_cpus(self.cpus), *self.command()],
                stdin=subprocess.PIPE, stdout=self.output(log), stderr=log, env=environment,
            )
        try:
            self.connection = self.wait_for(self.connect, "its socket")
            self.wait_for(self.carries_packets, "its first packets")
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, kind, value, traceback):
        try:
            if kind is None:
                self.stop()
                self.process.wait(STOP_SECONDS)
        except (subprocess.TimeoutExpired, OSError):
            pass  # nothing that was measured depends on how it ends
        finally:
            self.kill()
        if isinstance(value, ConnectionError):
            raise self.failure(f"ended with status {self.process.returncode}") from value

    def kill(self):
        if self.connection:
            self.connection.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()

    def failure(self, sentence):
        with open(self.log_path, errors="replace") as file:
            end = "".join(f"  | {line}" for line in file.readlines()[-LOG_LINES:])
        return ProgramError(f"{self.name} {sentence}\n{end}".rstrip())

    def wait_for(self, condition, what):
        """Returns the first true answer of condition()."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            status = self.process.poll()
            try:
                answer = condition()
            except ConnectionError:
                answer = None  # it is about to end
            if answer:
                return answer
            if status is not None:
                raise self.failure(f"ended with status {status} before {what}")
            if time.monotonic() > deadline:
                raise self.failure(f"has not shown {what} within {START_SECONDS} s")
            time.sleep(POLL_SECONDS)

    def connect(self):
        connection = socket.socket(socket.AF_UNIX, self.socket_kind)
        connection.settimeout(ANSWER_SECONDS)
        try:
            connection.connect(self.socket_path())
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            return None
        return connection

    def carries_packets(self):
        return self.counts()[1] > 0

    def worker_thread(self):
        """The thread id of its only worker."""
        found = []
        for path in glob.glob(f"/proc/{self.process.pid}/task/*/comm"):
            with open(path) as file:
                if file.read().startswith(WORKER_THREADS):
                    found.append(int(path.split("/")[-2]))
        if len(found) != 1:
            raise self.failure(f"has {len(found)} worker threads, one was expected")
        return found[0]
