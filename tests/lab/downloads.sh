# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# downloads: connections that are busy for as long as a test wants them to be, see downloads.py.

# downloads_start ADDRESS COUNT: returns once all of them have begun.
downloads_start() {
	rm -f "$LAB_DIR/downloads.log"
	lab_spawn downloads cli python3 "$(dirname "${BASH_SOURCE[0]}")/downloads.py" \
		"$2" "$DOWNLOAD_RATE" "$1" /big
	wait_to_reach "$2" 30 "downloads begun" downloads_are begun || die "the downloads do not begin"
}

DOWNLOAD_RATE=200000 # bytes a second

# Lets each of them show that it still works.
downloads_end() {
	kill "$(lab_pid downloads)"
	wait_for 120 lab_gone downloads || die "the downloads do not end"
}

# downloads_are begun|whole|broken [NAME]: how many, with the server NAME.
downloads_are() {
	grep -Ec "^$1 ${2:-}" "$LAB_DIR/downloads.log" || return 0
}
