# SPDX-License-Identifier: BSD-3-Clause
"""Runs every command of the documentation, and compares its options with those of the programs.

documentation.py --root DIR --lab ID --build DIR --port JSON --eal JSON --cpu N PAGE...

Commands are typed into a shell on the host of the lab that the text speaks of. Its file system DIR
is the copy that machine.sh makes of this machine's, with sluice installed into it, so that `groupadd`
or `meson install` do there what they say. Each command has to succeed. What cannot be run
stands in INSTEAD with the reason, and an entry there that no text needs any more is a mistake, too.
Complaints are PAGE:LINE: SENTENCE.
"""

import argparse
import json
import os
import re
import select
import subprocess
import sys
import tempfile
import time

import documentation_text as text
from documentation_routes import Routes

SECONDS = 60  # for a command; the reader is not to be left waiting either

# A command that is not run as it stands: what is run in its place (None: nothing can be), and why.
INSTEAD = {
    "scripts/demo": ("scripts/demo --help", "test_the_demo_answers_every_request_and_cleans_up runs it"),
    "scripts/demo --keep": ("scripts/demo --help | grep -w -e --keep", "the same test runs it"),
    "scripts/test": ("scripts/test --help", "this is a part of it"),
    "scripts/test churn": ("scripts/test --help | grep -w churn", "a suite of its own"),
    "scripts/test unit": ("scripts/test --help | grep -w unit", "takes minutes"),
    "scripts/test quick": ("scripts/test --help | grep -w quick", "takes minutes"),
    "scripts/bench": ("scripts/bench --help", "takes minutes"),
    "scripts/bench --svg tests/bench/figures.svg": ("scripts/bench --help | grep -w -e --svg", "takes minutes"),
    "scripts/bench scenarios --row A": ("scripts/bench --help | grep -w -e --row", "takes minutes"),
    "sluicectl backend drain web web-2 --wait": (
        "sluicectl backend drain web web-2 --wait --deadline 1s; [ $? -eq 8 ]",
        "takes more than a minute, until it is known that no flow is left",
    ),
    "sluicectl --json events --follow --kind health | jq -r '.sentence // empty'": (
        "timeout 2 sluicectl --json events --follow --kind health | jq -r '.sentence // empty'",
        "goes on until it is interrupted",
    ),
    "ethtool -L eth1 combined 2": (
        "ethtool -L eth1 combined 2 2>&1 | grep 'exceeds maximum'",
        "a veth has no combined queues",
    ),
    "dpdk-devbind.py -b vfio-pci 0000:3b:00.0": (None, "needs a network card"),
    'pktgen -l 0-4 -n 4 -- -P -m "[1:2].0,[3:4].1" -f scripts/pktgen/throughput.lua': (
        "lua5.4 -e 'assert(loadfile(\"scripts/pktgen/throughput.lua\"))'",
        "needs Pktgen and network cards; tests/bench/check_pktgen.py runs its scripts",
    ),
    "kill -9": (None, "is how a process ends, not what to type"),
}

# The same by a pattern.
INSTEAD_OF_EACH = (
    (r"scripts/bench ([a-z]+)(?: --json)?", r"scripts/bench --help | grep -w \1", "takes minutes"),
)

# What is there with AF_XDP only; on a kernel without it these have to fail.
WITH_XDP = (
    "sluicectl vip release ADDRESS",
    "tc filter del dev IF ingress pref 40",
)

# What has to be so before a command can succeed.
BEFORE = {
    "sluicectl vip release ADDRESS": "sluicectl service add old --vip 203.0.113.99 --protocol tcp --port 80"
    " --pool web --forward ipip && sluicectl service remove old --force",
}

# Lines in a block that are the answer to a command, with the configuration that gives it.
ANSWERS = {
    "services[2].port: 70000 is not a port (1-65535)": '.services += [.services[0], .services[0]] |'
    ' .services[1].name = "b" | .services[2].name = "c" | .services[2].port = 70000 | .services[1].port = 81',
}

# What the words in capitals stand for.
PLACEHOLDERS = {
    "GATEWAY": "10.2.0.1",
    "VIP": "203.0.113.98",
    "ADDRESS": "203.0.113.99",
    "FILE": "/etc/sluice/sluice.json",
    "METHOD": "status",
    "NAME": "nobody",
    "IF": "eth1",
}

# The hosts that a block speaks of by what is in it; all others speak of the balancer.
HOSTS = (
    (r"sluice-decap|advmss|rps_cpus|^nft ", ("b1", "b2")),
    (r"^ip neigh ", ("rtr",)),
)

CONFIGURATION = "/etc/sluice/sluice.json"


class Shell:
    """A bash on a host of the lab, which is given one line after the other. What it and its
    children print goes to a file, because some of them live longer."""

    def __init__(self, root, lab, host):
        self.log = tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace")
        self.answers, writer = os.pipe()
        enter = f"mount -t sysfs sysfs {root}/sys && exec chroot {root} bash --noprofile --norc"
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", f"{lab}-{host}", "bash", "-c", enter],
            stdin=subprocess.PIPE,
            stdout=self.log,
            stderr=self.log,
            text=True,
            pass_fds=(writer,),
            start_new_session=True,
        )
        self.writer = writer
        os.close(writer)
        self.type(f"cd {text.TOP} || exit 1")
        self.type("export PAGER=cat MANPAGER=cat")

    def type(self, command):
        """Returns (exit status, what it printed); no status where it does not end."""
        start = self.log.seek(0, os.SEEK_END)
        self.process.stdin.write(f"{command}\necho $? >&{self.writer}\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.answers], [], [], SECONDS)
        status = os.read(self.answers, 16).strip() if ready else b""
        self.log.seek(start)
        return int(status) if status else None, self.log.read().strip()

    def printed(self):
        self.log.seek(0)
        return self.log.read()[-600:]

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.answers)


class Typist:
    """Does all that the pages say, in their order."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.complaints = []
        self.used = set()  # of the tables above
        self.ran = 0
        self.balancer = self.shell("bal")
        self.routes = Routes(arguments.root, self.balancer, self.shell("rtr"))
        self.document = None  # of the sluiced that runs
        self.started = False

    def shell(self, host):
        return Shell(self.arguments.root, self.arguments.lab, host)

    def write(self, path, content):
        """To the copy, for its root alone, as sluiced wants it."""
        path = self.arguments.root + path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o640)) as file:
            file.write(content)

    def complain(self, page, number, sentence):
        self.complaints.append(f"{page}:{number}: {sentence}")

    def must(self, command):
        status, printed = self.balancer.type(command)
        if status != 0:
            sys.exit(f"{command}: exit status {status}\n{printed}")
        return printed

    def install(self):
        build = os.path.join(self.arguments.root + text.TOP, "build")
        if not os.path.exists(build):
            os.symlink(self.arguments.build, build)
        self.must(f"meson install -C {self.arguments.build} --no-rebuild")
        self.must("hash -r && command -v sluiced sluicectl sluice-decap")
        listed = self.must("sluicectl --help")
        text.COMMAND_NAMES.update(re.findall(r"^  ([a-z]+ [a-z]+)  ", listed, re.M))

    # --- configurations ---

    def configuration(self, block):
        """Read by sluiced as it stands, the key replaced as the text says. That of the README is the
        one of the lab, with its device, processor and memory."""
        number = block.lines[0][0]
        key = self.must("openssl rand -hex 16")
        source = "\n".join(line for _, line in block.lines).replace("<openssl rand -hex 16>", key)
        self.write("/run/read.json", source)
        status, printed = self.balancer.type("sluiced --check -c /run/read.json")
        self.ran += 1
        if status != 0:
            self.complain(block.page, number, f"sluiced does not take this configuration: {printed}")
            return
        if block.page != "README.md":
            return
        document = json.loads(source)
        dataplane = document["dataplane"]
        dataplane["workers"] = [self.arguments.cpu]
        dataplane["eal"] = self.arguments.eal
        dataplane["mbufs"] = 16384
        dataplane["idle"] = "rest"
        dataplane["ports"][0].update(self.arguments.port)
        self.write(CONFIGURATION, json.dumps(document, indent=2) + "\n")
        self.document = document

    # --- routing ---

    def routing(self, block):
        self.ran += 1
        complaint = self.routes.start("\n".join(line for _, line in block.lines))
        if complaint:
            self.complain(block.page, block.lines[0][0], complaint)

    # --- sessions ---

    def session(self, block):
        """Commands after `$ `, each with its answer. Of the answer's lines the first column has to
        be so, whatever the numbers in it."""
        self.rest()
        labels = set()
        for number, line in block.lines:
            if line.startswith("$ "):
                status, printed = self.balancer.type(line[2:])
                self.ran += 1
                labels = {label_of(answer) for answer in printed.splitlines()}
                if status != 0:
                    self.complain(block.page, number, f"`{line[2:]}` ended with {status}: {printed[-600:]}")
            elif line.strip() and label_of(line) not in labels:
                self.complain(block.page, number, f"the answer has no line like `{line}`: {printed[-1200:]}")

    # --- commands ---

    def commands(self, block):
        if len(block.lines) == 1 and self.is_mention(block):
            return
        if all(line in ANSWERS for _, line in block.lines):
            for number, line in block.lines:
                self.answer(block.page, number, line)
            return
        whole = "\n".join(line for _, line in block.lines)
        hosts = next((hosts for pattern, hosts in HOSTS if re.search(pattern, whole, re.M)), ("bal",))
        for host in hosts:
            self.rest()
            shell = self.shell(host)
            for number, line in block.lines:
                if self.command(shell, block.page, number, line) is None:
                    break
                if "birdc " in line:
                    for complaint in self.routes.follow():
                        self.complain(block.page, number, complaint)
            shell.close()

    def is_mention(self, block):
        """`backend set --health`, or `sluicectl explain` without its arguments, are names of
        commands. Their help knows them, and the options that stand there."""
        number, line = block.lines[0]
        words = line.split()
        if re.search("[|&;]", line):
            return False
        if words[0] != "sluicectl" and " ".join(words[:2]) not in text.COMMAND_NAMES:
            return False
        words = words[1:] if words[0] == "sluicectl" else words
        options = [word for word in words if word.startswith("-")]
        name = " ".join(word for word in words if not word.startswith("-"))
        status, help_text = self.balancer.type(f"sluicectl help {name}")
        if status != 0 or not name or name not in help_text.splitlines()[0]:
            return False
        usage = help_text.splitlines()[0].split(name, 1)[1]
        if line.startswith("sluicectl") and not re.sub(r"\[[^]]*\]", "", usage).strip():
            return False
        self.ran += 1
        for option in options:
            if not re.search(re.escape(option) + r"\b", help_text):
                self.complain(block.page, number, f"{name} has no {option}")
        return True

    def command(self, shell, page, number, line):
        """Returns its exit status, or None where the shell cannot be used any more."""
        plain = line.split(" #")[0].strip()
        for path in re.findall(r"(?<![\w/.-])(?:scripts|tests|control|drivers-config)/[\w./-]+", plain):
            if not os.path.exists(os.path.join(text.TOP, path)) and not path.startswith("control/sluice.json"):
                self.complain(page, number, f"there is no {path}")
        if plain in INSTEAD:
            self.used.add(plain)
            plain = INSTEAD[plain][0]
            if plain is None:
                return 0
        for pattern, command, _ in INSTEAD_OF_EACH:
            if re.fullmatch(pattern, plain):
                plain = re.sub(pattern, command, plain)
        fails = plain in WITH_XDP and self.arguments.port["host_path"] != "xdp"
        if plain in WITH_XDP:
            self.used.add(plain)
        if plain in BEFORE:
            self.used.add(plain)
            self.must(BEFORE[plain])
        for word in text.placeholders(plain):
            if word not in PLACEHOLDERS:
                self.complain(page, number, f"{word} stands for something that this test does not know ({plain})")
                return 0
            self.used.add(word)
            plain = re.sub(rf"\b{word}\b", PLACEHOLDERS[word], plain)
        if fails:
            plain = "! " + plain
        starts = text.program_of(plain) == "sluiced" and not re.search(r"--(check|schema|version|help)\b", plain)
        if starts and not plain.endswith("&"):
            plain += " &"
        if starts:
            self.stop()
            self.started = True
        if "sluicectl" in plain:
            self.wait_until_ready()
        status, printed = shell.type(plain)
        self.ran += 1
        if status is None:
            self.complain(page, number, f"`{plain}` has not ended after {SECONDS} s")
        elif status != 0:
            self.complain(page, number, f"`{plain}` ended with {status}: {printed[-600:]}")
        elif starts and not self.wait_until_ready(shell):
            self.started = False
            self.complain(page, number, f"`{plain}` does not get ready: {shell.printed()}")
        return status

    def stop(self):
        """sluiced is started by several pages, and each time takes the place of the last one."""
        self.balancer.type("old=$(sluicectl --json status | jq .pid) && kill $old && tail --pid=$old -s 0.02 -f /dev/null")

    def wait_until_ready(self, shell=None):
        """As a reader does, who has seen a start or a change. What was started in a shell may also end
        instead. Whether it is ready."""
        deadline = time.monotonic() + SECONDS
        while self.started and time.monotonic() < deadline:
            if self.balancer.type("sluicectl status --quiet")[0] == 0:
                return True
            if shell is not None and shell.type("kill -0 $!")[0] != 0:
                return False
            time.sleep(0.05)  # the pause between two looks
        return False

    def rest(self):
        """Undoes what the commands of the block before have left behind."""
        self.wait_until_ready()
        for backend in self.document["pools"][0]["backends"] if self.started else ():
            target = f"web {backend['name']}"
            self.must(f"sluicectl backend set {target} --health up && sluicectl backend activate {target}")

    def answer(self, page, number, line):
        self.used.add(line)
        _, printed = self.balancer.type(f"jq '{ANSWERS[line]}' {CONFIGURATION} >/run/wrong.json;"
                                        " chmod 640 /run/wrong.json; sluiced --check -c /run/wrong.json")
        self.ran += 1
        if line not in printed:
            self.complain(page, number, f"sluiced says otherwise: {printed}")

    # --- options ---

    def helps(self):
        """What each program says of itself, and of its commands."""
        helps = {program: self.must(f"{program} --help") for program in text.PROGRAMS}
        self.names = re.findall(r"^  ([a-z]+(?: [a-z]+)?)  ", helps["sluicectl"].split("\noptions")[0], re.M)
        helps["sluicectl"] += "".join(self.must(f"sluicectl help {name}") for name in self.names)
        for script in ("bench", "demo", "setup", "test"):
            helps["scripts/" + script] = self.must(f"scripts/{script} --help")
        return {program: set(text.OPTION.findall(printed)) for program, printed in helps.items()}

    def options(self, pages):
        helps = self.helps()
        with open(os.path.join(text.TOP, "meson_options.txt"), encoding="utf-8") as file:
            of_meson = {f"-D{name}=" for name in re.findall(r"option\(\s*'(\w+)'", file.read())}
        known = of_meson.union(*helps.values())
        for page in pages:
            program = re.sub(r"\.\d$", "", os.path.basename(page.path))
            allowed = helps.get(program, known)
            for number, option in page.options:
                if option not in allowed:
                    self.complain(page.path, number, f"there is no {option}" + (f" of {program}" if program in helps else ""))
            if program == "sluicectl":
                self.options_of_commands(page)
            if program in helps:
                for option in sorted(helps[program] - {option for _, option in page.options}):
                    self.complain(page.path, 1, f"{option} of {program} --help is missing")

    def options_of_commands(self, page):
        """Of the pattern of each command of sluicectl, beside what all that change something have."""
        helps = {}
        for name in self.names:
            usage = self.must(f"sluicectl help {name}").splitlines()[0]
            helps[name] = set(text.OPTION.findall(usage))
        common = {"--force", "--volatile", "--if-revision", "--dry-run", "--all"}
        for number, tag in page.tags:
            name = max((name for name in helps if (tag + " ").startswith(name + " ")), key=len, default=None)
            if name is None:
                self.complain(page.path, number, f"sluicectl has no command like this: {tag}")
                continue
            said, had = set(text.OPTION.findall(tag)), helps.pop(name)
            for option in sorted(said - had):
                self.complain(page.path, number, f"{name} has no {option}")
            for option in sorted(had - said - common):
                self.complain(page.path, number, f"{name} has {option}, too")
        for name in helps:
            self.complain(page.path, 1, f"sluicectl's {name} is missing")

    def stale(self):
        page = os.path.relpath(__file__, text.TOP)
        for table in (INSTEAD, WITH_XDP, BEFORE, ANSWERS, PLACEHOLDERS):
            for entry in table:
                if entry not in self.used:
                    self.complain(page, self.line_of(entry), f"`{entry}` is in no page any more")

    @staticmethod
    def line_of(entry):
        with open(__file__, encoding="utf-8") as file:
            return next((number for number, line in enumerate(file, 1) if entry in line), 1)


def label_of(line):
    return re.sub(r"[0-9][0-9,.]*", "N", re.split(r"\s{2,}", line.strip())[0])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("--lab", required=True)
    parser.add_argument("--build", required=True)
    parser.add_argument("--port", type=json.loads, required=True)
    parser.add_argument("--eal", type=json.loads, required=True)
    parser.add_argument("--cpu", type=int, required=True)
    parser.add_argument("pages", nargs="+")
    typist = Typist(parser.parse_args())
    typist.install()
    pages = [text.read_page(path, os.path.relpath(path, text.TOP)) for path in typist.arguments.pages]
    for page in pages:
        for number, sentence in page.complaints:
            typist.complain(page.path, number, sentence)
        for block in page.blocks:
            getattr(typist, block.kind)(block)
    typist.options(pages)
    typist.stale()
    typist.routes.stop()
    print("\n".join(typist.complaints) or f"{typist.ran} commands and configurations of {len(pages)} pages")
    return 1 if typist.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
