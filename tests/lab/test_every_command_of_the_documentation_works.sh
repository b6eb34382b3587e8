#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Who types what README and manual pages say gets a balancer that works.
. "$(dirname "$0")/begin.sh"
# shellcheck source=tests/lab/machine.sh
. "$(dirname "$0")/machine.sh"

HERE=$(dirname "$(readlink -f "$0")")

# Interfaces, addresses of the router and settings as the pages have them; what they tell the reader
# to do on a backend is not done yet.
prepare_hosts() {
	local number
	balancer_prepare
	rename_interface bal edge0 eth1
	lab_ip rtr link set br0 address 02:00:00:00:00:01
	ip link add eth0 netns "$LAB_ID-rtr" type veth peer name eth0 netns "$LAB_ID-cli"
	lab_ip rtr link set eth0 up
	connect_routing_daemons
	for number in 1 2; do
		rename_interface "b$number" srv0 eth0
		lab_ip "b$number" addr del "$LAB_IPIP4/32" dev lo
		lab_in "b$number" sysctl -qw net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.all.arp_announce=0
		nginx_start "$number"
	done
}

# The link of the page by which the balancer and the router speak BGP.
connect_routing_daemons() {
	ip link add bgp0 netns "$LAB_ID-rtr" type veth peer name bgp0 netns "$LAB_ID-bal"
	lab_ip rtr addr add 192.0.2.1/30 dev bgp0
	lab_ip bal addr add 192.0.2.2/30 dev bgp0
	lab_ip rtr link set bgp0 up
	lab_ip bal link set bgp0 up
}

rename_interface() {
	lab_ip "$1" link set "$2" down
	lab_ip "$1" link set "$2" name "$3"
	lab_ip "$1" link set "$3" up
	lab_ip "$1" route add default via 10.2.0.1
}

pages() {
	local page
	printf '%s\n' "$SLUICE_TOP"/README.md "$SLUICE_TOP"/tests/bench/README.md
	for page in "$SLUICE_TOP"/control/man/*.[1-8] "$SLUICE_TOP"/control/man/*.in "$SLUICE_TOP"/drivers-config/man/*.[1-8]; do
		case $page in
		*.in) page=$SLUICE_BUILD/control/$(basename "$page" .in) ;;
		esac
		echo "$page"
	done
}

# typed PAGE...
typed() {
	rm -rf "$LAB_DIR/machine"
	machine_run "$LAB_DIR/machine" /usr/bin/python3 "$HERE/documentation.py" \
		--root "$LAB_DIR/machine/root" --lab "$LAB_ID" --build "$SLUICE_BUILD" \
		--port "$(balancer_port | jq -c '.device |= sub("edge0"; "eth1")')" \
		--eal "$(balancer_memory | jq -c --arg id "$LAB_ID" '["--no-pci", "--file-prefix=\($id)"] + .')" \
		--cpu "$(balancer_cpu)" "$@"
}

# Every line of it is wrong in another way.
wrong_page() {
	cat <<-'END'
		`sluicectl statsu`
		`backend set --wealth`
		`--frobnicate`
		`scripts/nothing`
		`ip addr add ELSEWHERE dev lo`
		```sh
		false
		```
		```
		sluicectl status
		```
		```json
		{ "node": {} }
		```
		`-Dmartch=`
	END
}

# The same of a manual page; in line 1 because most of what there is is missing.
wrong_manual() {
	cat <<-'END'
		.TH SLUICECTL 1
		.SH OPTIONS
		.TP
		.B \-\-nonsense
		.SH COMMANDS
		.TP
		.BR status " [" \-\-noisy ]
		Beside
		.B sluicectl backends \-\-al
		there is:
		.EX
		sluiced \-\-chek
		.EE
		.EX
		router id 10.2.0.10
		protocol static vips { }
		.EE
		.EX
		$ sluicectl help status
		nonsense  1
		.EE
	END
}

# complaints PAGE: the lines of it that are complained of.
complaints() {
	sed -n "s/^[^ ]*$1:\([0-9]*\):.*/\1/p" "$LAB_DIR/complaints" | sort -nu | xargs
}

lab_up
prepare_hosts
mapfile -t PAGES < <(pages)
expect_success "all that the pages say is so" typed "${PAGES[@]}"
lab_fetch "$LAB_IPIP4" 60 >"$LAB_DIR/fetched"
expect_equal "pages of who did what they say" "$(answered <"$LAB_DIR/fetched")" 60
expect_at_least "of these by web-1" "$(answered_by web-1 <"$LAB_DIR/fetched")" 5
expect_at_least "of these by web-2" "$(answered_by web-2 <"$LAB_DIR/fetched")" 20

wrong_page >"$LAB_DIR/wrong.md"
wrong_manual >"$LAB_DIR/sluicectl.1"
! typed "$LAB_DIR/wrong.md" "$LAB_DIR/sluicectl.1" >"$LAB_DIR/complaints" || die "pages are taken of which all is wrong"
expect_equal "wrong lines of Markdown" "$(complaints wrong.md)" "1 2 3 4 5 7 10 13 15"
expect_equal "wrong lines of a manual page" "$(complaints sluicectl.1)" "1 4 7 9 12 15 20"
expect_at_least "exceptions that no page needs" "$(grep -c 'is in no page any more' "$LAB_DIR/complaints")" 20
