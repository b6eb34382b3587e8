#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Whether what bash and zsh complete is what may stand there; sluiced is played by a script.

usage: check_completion.py COMPLETION_OF_BASH COMPLETION_OF_ZSH
"""
import os
import subprocess
import sys
import tempfile

SLUICECTL = r"""#!/bin/sh
[ "$1" != --socket=other.sock ] || { prefix=other-; shift; }
case $1 in
pools) printf 'name  slots\n%sweb  251\n%sdns  251\n' "$prefix" "$prefix" ;;
backends) printf 'pool  name\n%s  %s-1\n%s  %s-2\n' "$2" "$2" "$2" "$2" ;;
services) printf 'name  vip\nwww  203.0.113.10\n' ;;
status) echo 'warning: 2001:db8::7 is no VIP any more and still filtered (packets dropped: 0)' ;;
esac
"""

# The words of a line, of which the last is completed: what is offered, what is not.
ROWS = [
    ("", "status config apply backend help --version", "save drain web"),
    ("sta", "status stats", "services"),
    ("back", "backend backends", "status"),
    ("backend ", "add remove drain activate set", "status web"),
    ("backend dr", "drain", "add"),
    ("backend drain ", "web dns", "web-1 status"),
    ("backend drain web ", "web-1 web-2", "web dns"),
    ("backend drain web w", "web-1 web-2", "web"),
    ("backend drain web web-1 ", "--deadline --wait --force --json", "--state web"),
    ("backend drain web web-1 --d", "--deadline --dry-run", "--force"),
    ("backend drain --force ", "web dns", "web-1"),
    ("backend drain --deadline 10m web ", "web-1", "web"),
    ("backend drain web web-1 --deadline ", "", "--force web"),
    ("backend set web web-1 --state ", "active drain disabled", "--force up"),
    ("backend set web web-1 --health ", "up down", "active"),
    ("backend add web ", "", "web-1"),
    ("pool add web --cross-zone ", "true false", "--force"),
    ("pool add web --unhealthy-flows ", "keep move", "--force"),
    ("backends ", "web dns", "add"),
    ("config ", "save", "status"),
    ("config -", "--revision --json", "save"),
    ("config save --", "--overwrite --if-revision", "--revision"),
    ("service set ", "www", "web"),
    ("service add www --pool ", "web dns", "www"),
    ("service add www --port ", "any", "--pool"),
    ("pool remove ", "web dns", "www"),
    ("vip release ", "2001:db8::7", "web"),
    ("--socket other.sock backends ", "other-web other-dns", "web"),
    ("--socket fi", "file.json", "status"),
    ("apply ", "file.json", "status"),
    ("explain --protocol ", "tcp udp", "--from"),
    ("help ", "status backend", "web"),
    ("help backend ", "drain", "web"),
]

BASH = r"""
. "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_sluicectl
printf '%s\n' "${COMPREPLY[@]}"
"""

# What zsh does with an offer, in short: keeps those that begin like the word.
ZSH = r"""
compdef() { : }
offer_all() { local each; for each; do [[ $each != ${words[CURRENT]}* ]] || print -r -- $each; done }
compadd() { while [[ $1 != -- ]]; do shift; done; shift; offer_all "$@" }
_describe() { local -a list; list=(${(P)argv[-1]}); offer_all ${list%%:*} }
_files() { offer_all *(N) }
file=$1
shift
words=("$@") CURRENT=$#
. $file
"""


def offered(shell, script, file, line, directory):
    words = ["sluicectl", *line.split(" ")]
    done = subprocess.run([*shell, "-c", script, "complete", file, *words], cwd=directory,
                          env={"PATH": f"{directory}/bin:{os.environ['PATH']}"}, text=True,
                          capture_output=True, check=False, timeout=60)
    if done.returncode != 0 or done.stderr:
        sys.exit(f"{shell[0]}: \"{line}\": exit status {done.returncode}: {done.stderr}")
    return done.stdout.split()


def judge(shell, script, file, directory):
    for line, wanted, unwanted in ROWS:
        offer = offered(shell, script, file, line, directory)
        for word in wanted.split():
            if word not in offer:
                yield f"{shell[0]}: \"{line}\" does not offer {word}, but {offer}"
        for word in unwanted.split():
            if word in offer:
                yield f"{shell[0]}: \"{line}\" offers {word}: {offer}"


def main():
    bash, zsh = (os.path.abspath(path) for path in sys.argv[1:])
    with tempfile.TemporaryDirectory() as directory:
        os.mkdir(f"{directory}/bin")
        with open(f"{directory}/bin/sluicectl", "w", encoding="ascii") as file:
            file.write(SLUICECTL)
        os.chmod(f"{directory}/bin/sluicectl", 0o755)
        with open(f"{directory}/file.json", "w", encoding="ascii"):
            pass
        flaws = [*judge(["bash", "--norc"], BASH, bash, directory),
                 *judge(["zsh", "-f"], ZSH, zsh, directory)]
    checked = subprocess.run(["shellcheck", "-s", "bash", bash], text=True, capture_output=True,
                             check=False)
    print("\n".join(flaws) or f"{len(ROWS)} lines in two shells")
    print(checked.stdout, end="")
    sys.exit(1 if flaws or checked.returncode != 0 else 0)


if __name__ == "__main__":
    main()
