#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The state file has the names of what it counts, while sluiced runs and after it has been killed.
. "$(dirname "$0")/begin.sh"

# How many of these names stand in the first page of the file.
names_in_file() {
	local name found=0
	head -c 4096 "$LAB_DIR/state/state" | tr '\0' '\n' >"$LAB_DIR/texts"
	for name; do
		if grep -aqx "$name" "$LAB_DIR/texts"; then found=$((found + 1)); fi
	done
	echo "$found"
}

lab_begin
expect_equal "names while it runs" "$(names_in_file edge forwarded transmit_full)" 3
expect_equal "names that nothing has" "$(names_in_file edg edge1)" 0
lab_balancer_stop KILL
expect_equal "names after it was killed" "$(names_in_file edge forwarded transmit_full)" 3
