-- SPDX-License-Identifier: BSD-3-Clause
-- rig: what the scripts do with Pktgen's ports: set up traffic, send for a while, count.
local rig = {}
local directory = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"

rig.search = dofile(directory .. "search.lua")
rig.settings = dofile(os.getenv("SLUICE_PKTGEN_SETTINGS") or directory .. "settings.lua")

local settings = rig.settings
local send, receive = tostring(settings.send_port), tostring(settings.receive_port)

local function set_range(field, start, increment, last)
	pktgen.range[field](send, "start", start)
	pktgen.range[field](send, "inc", increment)
	pktgen.range[field](send, "min", start)
	pktgen.range[field](send, "max", last)
end

local function address_behind(address, count)
	local a, b, c, d = address:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
	local number = (((a * 256 + b) * 256 + c) * 256 + d) + count

	return string.format("%d.%d.%d.%d", number // 2 ^ 24 % 256, number // 65536 % 256,
		number // 256 % 256, number % 256)
end

-- TCP acknowledgements of so many flows, each of a client of its own. Pktgen steps all ranges at
-- once with each packet, so that clients and ports would not multiply.
function rig.set_flows(flows)
	pktgen.set_type(send, "ipv4")
	pktgen.set_proto(send, "tcp")
	pktgen.range.set_type(send, "ipv4")
	pktgen.range.ip_proto(send, "tcp")
	set_range("dst_mac", settings.balancer_mac, "00:00:00:00:00:00", settings.balancer_mac)
	set_range("dst_ip", settings.vip, "0.0.0.0", settings.vip)
	set_range("dst_port", settings.vip_port, 0, settings.vip_port)
	set_range("src_ip", settings.clients, "0.0.0.1", address_behind(settings.clients, flows - 1))
	set_range("src_port", 1024, 0, 1024)
	pktgen.set_range(send, "on")
end

-- TCP SYNs, each from another address and port.
function rig.set_flood()
	pktgen.set_range(send, "off")
	pktgen.set_type(send, "ipv4")
	pktgen.set_proto(send, "tcp")
	pktgen.set_tcp_flags(send, "clr,syn")
	pktgen.set_mac(send, "dst", settings.balancer_mac)
	pktgen.set_ipaddr(send, "dst", settings.vip)
	pktgen.set(send, "dport", settings.vip_port)
	pktgen.rnd_s_ip(send, "enable")
	pktgen.rnd_s_pt(send, "enable")
end

function rig.end_flood()
	pktgen.rnd_s_ip(send, "disable")
	pktgen.rnd_s_pt(send, "disable")
	pktgen.set_tcp_flags(send, "clr,ack")
end

function rig.set_size(bytes)
	pktgen.set(send, "size", bytes)
	set_range("pkt_size", bytes, 0, bytes)
end

-- Packets sent by one port and received by the other. Pktgen names them in two ways: before 26.01
-- the caller says "port", since then they are in a table `curr`.
local function counts()
	local function look(port)
		local known, stats = pcall(pktgen.portStats, port)

		if not known then
			stats = pktgen.portStats(port, "port")
		end
		stats = stats[tonumber(port)]
		return stats.curr or stats
	end

	return look(send).opackets, look(receive).ipackets
end

-- Sends for `seconds` at `rate` percent of the link's. `meanwhile` is called in the middle, if it
-- is given. Returns packets sent and received.
function rig.send(rate, seconds, meanwhile)
	pktgen.set(send, "count", 0)
	pktgen.set(send, "rate", rate)
	pktgen.clr()
	pktgen.start(send)
	if meanwhile then
		meanwhile(seconds)
	else
		pktgen.delay(math.floor(seconds * 1000))
	end
	pktgen.stop(send)
	pktgen.delay(math.floor(settings.settle_s * 1000))
	return counts()
end

function rig.loss_percent(sent, received)
	if sent == 0 then
		error("Pktgen sent nothing: is the link up?")
	end
	return 100 * (sent - received) / sent
end

-- The highest rate without loss, in percent of the link's, and what came through in a second.
function rig.throughput(say)
	local best = 0
	local rate = rig.search.highest_rate(function(rate)
		local sent, received = rig.send(rate, settings.trial_s)
		local loss = rig.loss_percent(sent, received)

		say(string.format("  %7.3f %%: %d sent, %.4f %% lost", rate, sent, loss))
		if loss <= settings.loss_percent then
			best = received / settings.trial_s
		end
		return loss
	end, settings)

	return rate, best
end

-- Runs `measure` with ports that are set up and silent, and leaves them silent whatever comes.
function rig.run(measure)
	pktgen.screen("off")
	pktgen.stop("all")
	pktgen.reset("all")
	local done, reason = pcall(measure)

	pktgen.stop("all")
	if not done then
		error(reason, 0)
	end
end

return rig
