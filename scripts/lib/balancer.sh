# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# balancer: sluiced on the host bal, its configuration, and sluicectl to speak with it.

# lab_config: the configuration of the lab, on standard output. Tests change it with jq.
lab_config() {
	jq -n --arg dir "$LAB_DIR" --arg id "$LAB_ID" --argjson port "$(balancer_port)" \
		--argjson memory "$(balancer_memory)" --argjson worker "$(balancer_cpu)" \
		--arg key "$(od -An -v -tx1 -N16 /dev/urandom | tr -d ' \n')" \
		--arg ipip4 "$LAB_IPIP4" --arg ipip6 "$LAB_IPIP6" \
		--arg dsr4 "$LAB_DSR4" --arg dsr6 "$LAB_DSR6" \
		--arg source4 "$LAB_BALANCER4" --arg source6 "$LAB_BALANCER6" '
	def service($name; $vip; $forward):
		{name: $name, vip: $vip, protocol: "tcp", port: 80, pool: "web", forward: $forward};
	def backend($number):
		{name: "web-\($number)", address: "10.2.0.2\($number)", weight: 100};
	def neighbours($number):
		{address: ("10.2.0.2\($number)", "fd00:2::2\($number)"), mac: "02:00:00:00:00:2\($number)"};
	{
		node: {name: "edge-1", hash_key: $key},
		dataplane: {
			workers: [$worker], idle: "rest", mbufs: 16384,
			eal: (["--no-pci", "--file-prefix=\($id)"] + $memory),
			state_file: "\($dir)/state/state",
			tunnel_source: {ipv4: $source4, ipv6: $source6},
			ports: [{name: "edge", mtu: 1600, neighbours: [neighbours(1, 2, 3)]} + $port]
		},
		control: {socket: "\($dir)/control.sock"},
		pools: [{name: "web", slots: 65537, backends: [backend(1, 2, 3)]}],
		services: [
			service("www"; $ipip4; "ipip"), service("www6"; $ipip6; "ipip"),
			service("dsr"; $dsr4; "l2dsr"), service("dsr6"; $dsr6; "l2dsr")
		]
	}'
}

# The device of the port and its way to the kernel: AF_XDP where the kernel has it.
balancer_port() {
	case $(balancer_driver) in
	af_xdp) echo '{"device": "net_af_xdp0,iface=edge0", "host_path": "xdp"}' ;;
	af_packet) echo '{"device": "net_af_packet0,iface=edge0", "host_path": "copy"}' ;;
	esac
}

# LAB_DRIVER decides where it is set; else a kernel that opens an AF_XDP socket (family 44) has it.
balancer_driver() {
	if [ -n "${LAB_DRIVER:-}" ]; then
		echo "$LAB_DRIVER"
	elif /usr/bin/python3 -c 'import socket; socket.socket(44, socket.SOCK_RAW)' 2>/dev/null; then
		echo af_xdp
	else
		echo af_packet
	fi
}

# With AF_PACKET the kernel gets a copy of what the balancer takes, and must not forward it: the
# VIPs end there. GRO would hand sluiced packets larger than the link, and so would the router's
# TSO.
balancer_prepare() {
	local vip
	[ "$(balancer_driver)" = af_packet ] || return 0
	for vip in "$LAB_IPIP4/32" "$LAB_IPIP6/128" "$LAB_DSR4/32" "$LAB_DSR6/128"; do
		lab_ip bal route replace blackhole "$vip"
	done
	lab_in bal ethtool -K edge0 gro off
	lab_in rtr ethtool -K r-bal tso off
}

# What DPDK takes for the buffers of lab_config, roughly. Where that much is free in huge pages it
# takes them (no mount is needed), else ordinary memory.
LAB_MEMORY_MB=192

balancer_memory() {
	if balancer_has_hugepages; then
		echo '[]'
	else
		echo '["--no-huge"]'
	fi
}

balancer_has_hugepages() {
	local free size_kb
	free=$(awk '$1 == "HugePages_Free:" { print $2 }' /proc/meminfo)
	size_kb=$(awk '$1 == "Hugepagesize:" { print $2 }' /proc/meminfo)
	[ $((${free:-0} * ${size_kb:-0})) -ge $((LAB_MEMORY_MB * 1024)) ]
}

# The last processor we may use; the first is left to the control thread and all the rest.
balancer_cpu() {
	local list
	list=$(awk '$1 == "Cpus_allowed_list:" { print $2 }' /proc/self/status)
	list=${list##*,}
	echo "${list##*-}"
}

# lab_balancer_start CONFIG: returns once it says that it is ready.
lab_balancer_start() {
	balancer_prepare
	lab_spawn sluiced bal "$SLUICED" -c "$1"
	wait_for 60 balancer_is_settled || die "sluiced is not ready after 60 s"
	lab_runs sluiced || die "sluiced ended instead of getting ready"
}

balancer_is_settled() {
	balancer_is_ready || lab_gone sluiced
}

balancer_is_ready() {
	[ "$(lab_ctl --json status 2>/dev/null | jq -r .ready)" = true ]
}

lab_balancer_stop() {
	lab_stop sluiced "$@"
}

# lab_ctl ARGUMENTS...
lab_ctl() {
	"$SLUICECTL" --socket "$LAB_DIR/control.sock" "$@"
}

# lab_stat JQ_PATH: one figure of the counters.
lab_stat() {
	lab_ctl --json stats | jq -r "$1"
}
