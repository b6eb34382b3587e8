#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Full-sized packets, which become larger than the client's link on their way.
. "$(dirname "$0")/begin.sh"

lab_begin
file=$LAB_DIR/file
head -c 20000000 /dev/urandom >"$file"
for address in "$LAB_IPIP4" "$LAB_IPIP6" "$LAB_DSR4" "$LAB_DSR6"; do
	expect_equal "answer to an upload to $address" \
		"$(lab_in cli curl -s -m 300 -T "$file" "http://$(url_host "$address")/up")" received
done
expect_equal "different files on the backends and here" \
	"$(sha256sum "$file" "$LAB_DIR"/nginx-*/up/* | cut -d ' ' -f 1 | sort -u | wc -l)" 1
expect_equal "files on the backends" "$(find "$LAB_DIR"/nginx-*/up -type f | wc -l)" 4
expect_equal "packets that were too big" "$(lab_stat .verdicts.mtu_exceeded)" 0
