#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Checks by tcp, udp, dns, icmp, grpc and by a program find each way in which a server fails, say
# which it is, in the tunnel as well as to its own address, and find that it is well again.
. "$(dirname "$0")/begin.sh"
# shellcheck source=tests/lab/checks.sh
. "$LIB/../../tests/lab/checks.sh"
# shellcheck source=tests/lab/certificates.sh
. "$LIB/../../tests/lab/certificates.sh"

TESTS=$LIB/../../tests/lab
NAME=grpc.lab.example

# Its queue of connections that nobody has accepted has room for one or two.
accept_start() {
	lab_spawn accept b1 socat "TCP-LISTEN:8001,fork,reuseaddr,backlog=1" OPEN:/dev/null
}

# datagrams_start NAME PORT TEXT
datagrams_start() {
	lab_spawn "$1" b1 python3 "$TESTS/answer_datagrams.py" "$2" "$3"
}

# dns_start NAME HOST ADDRESS [ARGUMENTS...]: what is below lab.example, and that www has ADDRESS.
dns_start() {
	lab_spawn "$1" "$2" dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root \
		--pid-file= --no-resolv --no-hosts --log-facility=- --local=/lab.example/ \
		--host-record="www.lab.example,$3" "${@:4}"
}

# grpc_start NAME PORT CERTIFICATE|- SERVICE...
grpc_start() {
	lab_spawn "$1" b2 /usr/bin/python3 "$TESTS/answer_grpc.py" "${@:2}"
}

# program NAME LINES: what the program of that check does from now on.
program() {
	printf '%s\n' "$2" >"$LAB_DIR/programs/$1.new"
	mv "$LAB_DIR/programs/$1.new" "$LAB_DIR/programs/$1"
}

# external NAME
external() {
	jq -cn --arg file "$LAB_DIR/programs/$1" \
		'{type: "external", command: ["/bin/sh", "-c", ". \"$0\"", $file]}'
}

# Those that go and come.
servers_start() {
	local name
	datagrams_start datagrams-1 8003 "all is well"
	datagrams_start datagrams-2 8004 "all is well"
	dns_start dns-1 b1 192.0.2.1 --local=/elsewhere.example/ --host-record=gone.lab.example,192.0.2.2
	grpc_start grpc-1 8006 - =SERVING a=SERVING b=SERVING
	grpc_start grpc-2 8007 "$LAB_DIR/certificates/well.pem" =SERVING
	grpc_start grpc-3 8008 - =SERVING
	for name in exit hang killed; do
		# shellcheck disable=SC2016 # for the program
		program "$name" 'echo "$SLUICE_BACKEND at $SLUICE_ADDRESS is well"'
	done
}

servers_fail() {
	local name
	for name in nginx-1 datagrams-1 datagrams-2 dns-1 grpc-1 grpc-2 grpc-3; do
		lab_stop "$name"
	done
	for name in accept datagrams-3 dns-2 grpc-4; do
		kill -STOP "$(lab_pid "$name")"
	done
	lab_in b2 nft 'table inet lab { chain input { type filter hook input priority 0; tcp dport 80 drop; }; }'
	lab_ip rtr link set r-b3 down
	datagrams_start datagrams-2 8004 "out of order"
	dns_start dns-1 b1 192.0.2.9
	grpc_start grpc-1 8006 - =SERVING a=NOT_SERVING
	grpc_start grpc-2 8007 "$LAB_DIR/certificates/other.pem" =SERVING
	program exit "echo out of tickets; echo and more; exit 2"
	program hang "echo wait; sleep 600"
	# shellcheck disable=SC2016 # for the program
	program killed 'kill -9 $$'
}

servers_are_mended() {
	local name
	for name in datagrams-2 dns-1 grpc-1 grpc-2; do
		lab_stop "$name"
	done
	nginx_start 1
	servers_start
	for name in accept datagrams-3 dns-2 grpc-4; do
		kill -CONT "$(lab_pid "$name")"
	done
	lab_in b2 nft delete table inet lab
	lab_ip rtr link set r-b3 up
}

lab_up
lab_backends_start
certificates_begin
certificate_make well "$NAME"
certificate_make other other.lab.example
mkdir "$LAB_DIR/programs"
servers_start
accept_start
datagrams_start datagrams-3 8005 "all is well"
dns_start dns-2 b2 192.0.2.1
grpc_start grpc-4 8009 - =SERVING

UDP='"type": "udp", "send": "how is it?", "expect": "all is well"'
DNS='"type": "dns", "port": 53'
lab_config | jq "$(checks_filter <<END
tcp-refused 1 tcp 8010 {"type": "tcp", "port": 80}
tcp-full 1 tcp 8001 {"type": "tcp"}
tcp-dropped 2 tcp 8011 {"type": "tcp", "port": 80}
tcp-gone 3 tcp 8012 {"type": "tcp", "port": 80}
icmp-gone 3 tcp 8013 {"type": "icmp"}
udp-refused 1 udp 8003 {$UDP}
udp-other 1 udp 8004 {$UDP}
udp-silent 1 udp 8005 {$UDP}
dns-gone 1 udp 8014 {$DNS, "question": "gone.lab.example A"}
dns-other 1 udp 8015 {$DNS, "question": "www.lab.example A", "expect_answer": "192.0.2.1"}
dns-refused 1 udp 8016 {$DNS, "question": "elsewhere.example A", "rcode": "NXDOMAIN"}
dns-silent 2 udp 8017 {$DNS, "question": "www.lab.example A"}
grpc-not 2 tcp 8018 {"type": "grpc", "port": 8006, "service": "a"}
grpc-unknown 2 tcp 8019 {"type": "grpc", "port": 8006, "service": "b"}
grpc-tls 2 tcp 8007 {"type": "grpc", "tls": true, "sni": "$NAME", "ca_file": "$LAB_DIR/certificates/ca.pem"}
grpc-refused 2 tcp 8008 {"type": "grpc"}
grpc-hang 2 tcp 8009 {"type": "grpc"}
exit 1 tcp 8020 $(external exit)
hang 1 tcp 8021 $(external hang)
killed 1 tcp 8022 $(external killed)
END
)" >"$LAB_DIR/sluice.json"
lab_balancer_start "$LAB_DIR/sluice.json"
say "the lab is up"
expect_checks_up
expect_checks <<END
tcp-refused up passed connected
icmp-gone up passed answered
udp-other up passed answered as expected
dns-other up passed rcode NOERROR
dns-refused up passed rcode NXDOMAIN
grpc-tls up passed gRPC health is SERVING
exit up passed exit status 0: b1 at 10.2.0.21 is well
END

servers_fail
expect_checks <<END
tcp-refused down refused connect refused
tcp-full down timeout no answer in 250 ms
tcp-dropped down timeout no answer in 250 ms
tcp-gone down timeout no answer in 250 ms
icmp-gone down timeout no answer in 250 ms
udp-refused down refused connect refused
udp-other down answer answer does not hold what is expected
udp-silent down timeout no answer in 250 ms
dns-gone down rcode rcode NXDOMAIN, expected NOERROR
dns-other down answer answer without 192.0.2.1
dns-refused down rcode rcode REFUSED, expected NXDOMAIN
dns-silent down timeout no answer in 250 ms
grpc-not down not_serving gRPC health is 2 (NOT_SERVING)
grpc-unknown down grpc_status grpc-status 5 (not found): it does not know this service
grpc-tls down certificate certificate is not for $NAME
grpc-refused down refused connect refused
grpc-hang down timeout no answer in 250 ms
exit down exit exit status 2: out of tickets
hang down timeout still running after 250 ms: wait
killed down signal ended by signal 9 (Killed)
END
say "each failure is found and named"

servers_are_mended
expect_checks_up
