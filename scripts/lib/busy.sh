# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# busy: makes the machine busy, to show that what runs meanwhile does not depend on its speed.

BUSY=() # process ids

# busy_begin COUNT: starts so many processes that only compute, at ordinary priority. They end by
# busy_end, or by themselves when the script that started them is gone.
busy_begin() {
	while [ ${#BUSY[@]} -lt "$1" ]; do
		(trap - EXIT INT TERM HUP && busy_spin $$) </dev/null >/dev/null 2>&1 &
		BUSY+=($!)
	done
}

busy_spin() {
	local turn
	while kill -0 "$1" 2>/dev/null; do
		for ((turn = 0; turn < 100000; turn++)); do
			:
		done
	done
}

busy_end() {
	local pid
	for pid in "${BUSY[@]}"; do
		kill "$pid" 2>/dev/null || continue
		wait "$pid" 2>/dev/null || continue
	done
	BUSY=()
}
