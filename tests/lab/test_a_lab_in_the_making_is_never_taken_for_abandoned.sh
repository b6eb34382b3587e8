#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Somebody cleans up between any two steps of another script that opens a lab; a lab whose script is
# gone is removed, as far as it got.
. "$(dirname "$0")/begin.sh"

# A script that opens a lab, and whose steps are taken with a clean-up before and after each.
open_amid_cleaners() {
	LAB_ROOT=$LAB_DIR/labs bash -euo pipefail -s "$LIB/lab.sh" <<-'END'
		. "$1"
		clean() { (trap '' EXIT && lab_clean all >>"$LAB_ROOT/../removed"); }
		amid_cleaners() { clean && command "$@" && clean; }
		mkdir() { amid_cleaners mkdir "$@"; }
		mv() { amid_cleaners mv "$@"; }
		eval "identity_of() $(declare -f process_identity | tail -n +2)"
		process_identity() { [ "$1" != $$ ] || [ "$BASHPID" != $$ ] || clean; identity_of "$1"; }
		lab_open
		clean
		[ -s "$LAB_DIR/owner" ] && [ -d "$LAB_DIR/pids" ] && [ ! -e "$LAB_DIR.new" ]
	END
}

clean() {
	LAB_ROOT=$LAB_DIR/labs lab_clean "$1"
}

labs() {
	find "$LAB_DIR/labs" -mindepth 1 -maxdepth 1 -printf '%f ' | xargs -n 1 | sort | xargs
}

lab_open
mkdir "$LAB_DIR/labs"
touch "$LAB_DIR/removed"
expect_success "a lab is opened amid cleaners" open_amid_cleaners
expect_equal "labs that they removed" "$(cat "$LAB_DIR/removed")" ""
expect_equal "labs left" "$(labs)" ""

setsid true &
gone=$!
wait "$gone"
mkdir "$LAB_DIR/labs/sl$$.new" "$LAB_DIR/labs/sl$gone.new" "$LAB_DIR/labs/sl$gone"
echo "$gone 1" >"$LAB_DIR/labs/sl$gone/owner"
touch "$LAB_DIR/labs/sl$gone/kept"
expect_text "a clean-up" "$(clean crashed)" "^removed the lab sl$gone\$"
expect_equal "labs left" "$(labs)" "sl$$.new"
