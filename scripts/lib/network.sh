# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# network: the hosts of the lab, each a namespace, and the cables between them.
#
#	cli ----- rtr (bridge br0) --+-- bal   10.2.0.10  fd00:2::10   sluiced on edge0
#	10.1.0.2  10.1.0.1 10.2.0.1  +-- b1    10.2.0.21  fd00:2::21   nginx, sluice-decap on srv0
#	fd00:1::2  ::1     fd00:2::1 +-- b2    10.2.0.22  fd00:2::22
#	                             +-- b3    10.2.0.23  fd00:2::23
#
# The router sends the VIPs to the balancer; the backends hold them on their loopback and answer
# past the balancer. The balancer's kernel forwards packets, as that of a host with a BGP daemon
# does: what is left to it by mistake comes back out, and goes round until its TTL ends.
#
# MTU: a client's full-sized packet (1500) grows by an outer header of 20 or 40 bytes, so the
# segment of the servers carries 1600. The clients' side stays at 1500.

LAB_BACKENDS=(1 2 3)
# shellcheck disable=SC2034 # for the scripts that source this
{
	LAB_CLIENT4=10.1.0.2
	LAB_CLIENT6=fd00:1::2
	LAB_BALANCER4=10.2.0.10
	LAB_BALANCER6=fd00:2::10
	# Documentation prefixes (RFC 5737, RFC 3849): .10 is served by ipip, .20 by l2dsr.
	LAB_IPIP4=203.0.113.10
	LAB_IPIP6=2001:db8:113::10
	LAB_DSR4=203.0.113.20
	LAB_DSR6=2001:db8:113::20
	LAB_SERVER_MTU=1600
}

network_up() {
	local number
	host_add cli
	host_add rtr
	link_client
	bridge_add
	host_forward rtr
	server_add bal edge0 10
	host_forward bal
	for number in "${LAB_BACKENDS[@]}"; do
		server_add "b$number" srv0 "2$number"
		host_hold_vips "b$number"
	done
	lab_ip rtr route add 203.0.113.0/24 via "$LAB_BALANCER4"
	lab_ip rtr route add 2001:db8:113::/64 via "$LAB_BALANCER6"
}

# lab_in HOST COMMAND...
lab_in() {
	local host=$1
	shift
	ip netns exec "$LAB_ID-$host" "$@"
}

# lab_ip HOST ARGUMENTS...: iproute2 inside HOST.
lab_ip() {
	local host=$1
	shift
	ip -n "$LAB_ID-$host" "$@"
}

# Duplicate address detection would hold back every IPv6 address for a second.
host_add() {
	ip netns add "$LAB_ID-$1"
	lab_ip "$1" link set lo up
	lab_in "$1" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
}

host_forward() {
	lab_in "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

# The VIPs are the backend's own, but it does not say so by ARP.
host_hold_vips() {
	local vip
	lab_in "$1" sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
	for vip in "$LAB_IPIP4/32" "$LAB_DSR4/32"; do
		lab_ip "$1" addr add "$vip" dev lo
	done
	for vip in "$LAB_IPIP6/128" "$LAB_DSR6/128"; do
		lab_ip "$1" addr add "$vip" dev lo nodad
	done
}

# interface_up HOST INTERFACE IPV4 IPV6
interface_up() {
	lab_ip "$1" addr add "$3" dev "$2"
	lab_ip "$1" addr add "$4" dev "$2" nodad
	lab_ip "$1" link set "$2" up
}

link_client() {
	ip link add cli0 netns "$LAB_ID-cli" type veth peer name r-cli netns "$LAB_ID-rtr"
	interface_up cli cli0 "$LAB_CLIENT4/24" "$LAB_CLIENT6/64"
	interface_up rtr r-cli 10.1.0.1/24 fd00:1::1/64
	lab_ip cli route add default via 10.1.0.1
	lab_ip cli route add default via fd00:1::1
}

# Without snooping neighbour discovery works from the first packet on.
bridge_add() {
	lab_ip rtr link add br0 mtu "$LAB_SERVER_MTU" type bridge mcast_snooping 0
	interface_up rtr br0 10.2.0.1/24 fd00:2::1/64
}

# server_add HOST INTERFACE NUMBER: a host on the bridge, 10.2.0.NUMBER, fd00:2::NUMBER,
# 02:00:00:00:00:NUMBER. One queue: an AF_XDP port of a veth serves one, and what arrived on
# another would go past it.
server_add() {
	local host=$1 interface=$2 number=$3
	host_add "$host"
	ip link add "$interface" netns "$LAB_ID-$host" address "02:00:00:00:00:$number" \
		mtu "$LAB_SERVER_MTU" numrxqueues 1 numtxqueues 1 type veth \
		peer name "r-$host" netns "$LAB_ID-rtr" mtu "$LAB_SERVER_MTU" numrxqueues 1 numtxqueues 1
	lab_ip rtr link set "r-$host" master br0 up
	interface_up "$host" "$interface" "10.2.0.$number/24" "fd00:2::$number/64"
	lab_ip "$host" route add default via 10.2.0.1
	lab_ip "$host" route add default via fd00:2::1
}
