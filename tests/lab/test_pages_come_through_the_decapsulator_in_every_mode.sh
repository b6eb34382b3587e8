#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The modes beside the one that `auto` chooses, which every other test uses.
. "$(dirname "$0")/begin.sh"

lab_begin
for LAB_DECAP_MODE in xdp xdpgeneric tc; do
	for number in "${LAB_BACKENDS[@]}"; do
		lab_in "b$number" "$SLUICE_DECAP" detach --interface srv0 >>"$LAB_DIR/decap-$number.log" 2>&1
	done
	# without it nothing arrives: what comes below comes through it
	expect_equal "pages that are answered without a decapsulator" \
		"$(lab_in cli curl -s -m 0.5 "http://$LAB_IPIP4/" | wc -l)" 0
	for number in "${LAB_BACKENDS[@]}"; do
		decap_attach "$number"
		expect_equal "mode of web-$number" "$(lab_in "b$number" "$SLUICE_DECAP" status --interface srv0 --json |
			jq -r .mode)" "$LAB_DECAP_MODE"
	done
	expect_pages "$LAB_IPIP4" 150
	expect_pages "$LAB_IPIP6" 150
done
