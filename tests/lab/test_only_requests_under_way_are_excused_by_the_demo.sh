#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A request that was under way when its backend was disabled may be broken and asked again. Any other
# request that the demo loses makes it fail.
. "$(dirname "$0")/begin.sh"

# expect_broken COUNT BEGIN_US END_US LINE...: of a traffic of these lines.
expect_broken() {
	local wanted=$1 begin=$2 end=$3
	shift 3
	printf '%s\n' "$@" >"$LAB_DIR/traffic"
	expect_equal "broken by a change from $begin to $end" "$(traffic_broken "$begin" "$end")" "$wanted"
}

# The curl of a client who loses a page of every small batch, whenever that is.
lossy_curl() {
	cat <<-END
		#!/bin/bash
		$(type -P curl) "\$@" >"$LAB_DIR/page"
		case "\$*" in
		*"?[1-$TRAFFIC_BATCH]") sed -i '1s/^200 [^ ]*/000 /' "$LAB_DIR/page" ;;
		esac
		cat "$LAB_DIR/page"
	END
}

lossy_demo() {
	PATH=$LAB_DIR/bin:$PATH LAB_ROOT=$LAB_DIR/labs SLUICE_STARTED_US='' "$SLUICE_TOP/scripts/demo" \
		>"$LAB_DIR/demo.log" 2>&1
}

lab_open
batches=("100 200 web-1 1" "100 000  2" "200 000  3" "200 200 web-2 4" "300 000  5" "300 000  6" "400 000  7")
expect_broken 1 250 260 "${batches[@]}"
expect_broken 3 250 350 "${batches[@]}"
expect_broken 4 150 310 "${batches[@]}"
expect_broken 1 500 510 "${batches[@]}"
expect_broken 0 10 20 "${batches[@]}"
expect_broken 0 120 150 "100 200 web-1 1" "100 502 web-2 2" "200 200 web-1 3"

mkdir "$LAB_DIR/labs" "$LAB_DIR/bin"
lossy_curl >"$LAB_DIR/bin/curl"
chmod +x "$LAB_DIR/bin/curl"
expect_refusal "the demo with losses fails" lossy_demo
expect_text "it says how many" "$(grep 'requests were answered' "$LAB_DIR/demo.log")" \
	'[0-9]+ of [0-9]+ requests were answered; disabling web-2 broke [1-9]'
