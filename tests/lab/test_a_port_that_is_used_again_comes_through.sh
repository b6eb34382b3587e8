#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Clients vanish, and come back from the same ports while the slots of their backend move: it answers
# their SYNs for the connections of before, and has to get the RSTs that end these.
. "$(dirname "$0")/begin.sh"

PORTS=40

# from_ports leave|close PORT...
from_ports() {
	lab_in cli python3 "$(dirname "$0")/half_open.py" "$1" "$LAB_IPIP4" "${@:2}"
}

lab_begin
mapfile -t ports < <(seq 20001 $((20000 + PORTS)))
from_ports leave "${ports[@]}" >"$LAB_DIR/left"
mapfile -t again < <(awk '$2 == "web-2" { print $1 }' "$LAB_DIR/left")
expect_at_least "connections left behind with web-2" "${#again[@]}" 4
lab_ctl backend set web web-2 --state disabled
lab_ctl backend activate web web-2
from_ports close "${again[@]}" >"$LAB_DIR/again"
expect_equal "of their ports that come through again" \
	"$(grep -c ' web-2$' "$LAB_DIR/again" || true)" "${#again[@]}"
