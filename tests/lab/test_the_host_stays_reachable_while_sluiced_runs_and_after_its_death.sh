#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The balancer's own addresses: ping and TCP, both families, on the interface that sluiced serves.
. "$(dirname "$0")/begin.sh"

# A web server of the balancer itself.
host_serve() {
	mkdir "$LAB_DIR/host"
	cat >"$LAB_DIR/host/nginx.conf" <<-END
		daemon off;
		pid $LAB_DIR/host/pid;
		events {}
		http {
			access_log off;
			server {
				listen 8080;
				listen [::]:8080;
				location / { return 200 "host\n"; }
			}
		}
	END
	lab_spawn host bal nginx -p "$LAB_DIR/host" -e "$LAB_DIR/host/error.log" -c "$LAB_DIR/host/nginx.conf"
	wait_for 60 lab_in bal curl -s -o /dev/null -m 1 "http://$LAB_BALANCER4:8080/" ||
		die "the balancer's own web server does not answer"
}

pings() {
	lab_in cli ping -q -c 3 -i 0.1 -W 10 "$1" >/dev/null
}

expect_host() {
	local address
	for address in "$LAB_BALANCER4" "$LAB_BALANCER6"; do
		expect_success "$1, $address answers ping" pings "$address"
		expect_equal "$1, $address answers TCP" \
			"$(lab_in cli curl -s -m 10 "http://$(url_host "$address"):8080/")" host
	done
}

lab_begin
host_serve
expect_host "with sluiced"
expect_pages "$LAB_IPIP4" 60
lab_balancer_stop KILL
expect_host "after kill -9"
lab_balancer_start "$CONFIG"
expect_host "with the next sluiced"
expect_pages "$LAB_IPIP4" 60
lab_balancer_stop
expect_host "after its end"
