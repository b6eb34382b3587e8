#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What sluicectl changed is in the file: mode and owner of the file stay as they were.
. "$(dirname "$0")/begin.sh"

backend() {
	lab_ctl --json backends | jq -r --arg name "$1" ".[] | select(.name == \$name) | $2"
}

lab_begin
chmod 600 "$CONFIG"
chown 0:1 "$CONFIG"
lab_ctl backend set web web-1 --weight 7
lab_ctl backend set web web-3 --state disabled
slots=$(backend web-1 .slots)
lab_balancer_stop
lab_balancer_start "$CONFIG"
expect_equal "weight of web-1 after a restart" "$(backend web-1 .weight)" 7
expect_equal "its slots" "$(backend web-1 .slots)" "$slots"
expect_equal "state of web-3" "$(backend web-3 .state)" disabled
expect_equal "mode and owner of the file" "$(stat -c '%a %u:%g' "$CONFIG")" "600 0:1"
lab_fetch "$LAB_IPIP4" 100 >"$LAB_DIR/pages"
expect_equal "pages answered" "$(answered <"$LAB_DIR/pages")" 100
expect_equal "of these by web-3" "$(answered_by web-3 <"$LAB_DIR/pages")" 0
