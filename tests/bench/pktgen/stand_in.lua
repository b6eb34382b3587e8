-- SPDX-License-Identifier: BSD-3-Clause
-- stand_in: as much of Pktgen-DPDK's Lua interface as scripts/pktgen uses. The packets and the
-- balancer are made of numbers, or they are real ones (wire.lua); behind the balancer is a receiver
-- that takes up to `capacity_percent` of the link and loses the rest. The clock is virtual. As
-- strict as Pktgen: names, numbers of arguments and types; and stricter, for what it would pass over
-- in silence.
--
--	lua5.4 stand_in.lua SCRIPT [CAPACITY_PERCENT [old|new [ORDERS ANSWERS]]]
--
-- `old` is for the interface before 26.01. ORDERS and ANSWERS are the files by which a generator is
-- told what to do and answers. At the end it tells what was set, one to a line.
local script, capacity_percent, age = arg[1], tonumber(arg[2] or 40), arg[3]
local directory = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
local link = {
	pps = 14880952, -- 64-byte frames on 10 Gbit/s
	carry = function(packets)
		return packets, packets
	end,
}
local state = { set = {}, range = {}, switches = {}, sending = nil, latencies = nil }
local sent, received = 0, 0

local function check(condition, ...)
	if not condition then
		error(string.format(...), 3)
	end
end

local function check_port(port)
	check(port == "all" or tonumber(port) ~= nil, "invalid portlist %s", port)
end

-- A function that takes as many arguments as it is given kinds, the first being a port.
local function command(name, kinds, run)
	return function(...)
		local arguments = { ... }

		check(#arguments == #kinds, "%s, wrong number of arguments", name)
		for i, kind in ipairs(kinds) do
			check(type(arguments[i]) == kind or (kind == "string" and type(arguments[i]) == "number"),
				"%s, argument %d is a %s", name, i, type(arguments[i]))
		end
		if kinds[1] == "string" then
			check_port(arguments[1])
		end
		return run(...)
	end
end

local function known(name, words)
	return function(_, word, value)
		check(words[word], "%s does not support %s", name, tostring(word))
		state.set[name .. " " .. word] = value or true
	end
end

local function switch(name)
	return command(name, { "string", "string" }, function(_, how)
		check(({ on = 1, off = 1, enable = 1, disable = 1 })[how], "%s %s", name, how)
		state.switches[name] = how
	end)
end

local function words(text)
	local set = {}

	for word in text:gmatch("%S+") do
		set[word] = true
	end
	return set
end

local function pass_time(milliseconds)
	check(milliseconds == math.floor(milliseconds), "delay, not an integer")
	if state.sending then
		local at_most = milliseconds / 1000 * link.pps
		local packets = math.floor(at_most * state.set["set rate"] / 100)
		local went, came = link.carry(packets, state)

		sent = sent + went
		received = received + math.floor(math.min(came, at_most * capacity_percent / 100))
	end
end

local function write_samples()
	local file = assert(io.open(state.latencies.path, "w"))

	file:write("Latency\n")
	for i = 1, state.latencies.count do
		file:write(i * 10, "\n") -- 10 ns, 20 ns, ...
	end
	file:close()
end

local function stats(port)
	local number = tonumber(port)
	local values = {
		ipackets = number == 1 and received or 0,
		opackets = number == 0 and sent or 0,
	}

	return { n = 1, [number] = age == "old" and values or { curr = values } }
end

local function range(name, kind)
	return command("range." .. name, { "string", "string", kind }, function(_, what, value)
		check(words("start inc min max")[what], "range.%s does not support %s", name, what)
		state.range[name .. " " .. what] = value
	end)
end

pktgen = {
	range = {
		set_type = command("range.set_type", { "string", "string" }, function() end),
		ip_proto = command("range.ip_proto", { "string", "string" }, function() end),
		dst_mac = range("dst_mac", "string"),
		dst_ip = range("dst_ip", "string"),
		src_ip = range("src_ip", "string"),
		dst_port = range("dst_port", "number"),
		src_port = range("src_port", "number"),
		pkt_size = range("pkt_size", "number"),
	},
	set = command("set", { "string", "string", "number" },
		known("set", words("count size rate burst sport dport ttl"))),
	set_type = command("set_type", { "string", "string" }, function() end),
	set_proto = command("set_proto", { "string", "string" }, known("proto", words("tcp udp icmp"))),
	set_mac = command("set_mac", { "string", "string", "string" }, known("mac", words("src dst"))),
	set_ipaddr = command("set_ipaddr", { "string", "string", "string" },
		known("ipaddr", words("src dst"))),
	set_tcp_flags = command("set_tcp_flags", { "string", "string" }, function(_, flags)
		state.set.tcp_flags = flags
	end),
	set_range = switch("set_range"),
	rnd_s_ip = switch("rnd_s_ip"),
	rnd_s_pt = switch("rnd_s_pt"),
	latency = switch("latency"),
	screen = function(how)
		check(how == "on" or how == "off", "screen %s", tostring(how))
	end,
	reset = command("reset", { "string" }, function() end),
	start = command("start", { "string" }, function(port)
		check(state.set["set rate"], "no rate was set")
		state.sending = port
	end),
	stop = command("stop", { "string" }, function()
		state.sending = nil
	end),
	clr = function()
		sent, received = 0, 0
	end,
	delay = command("delay", { "number" }, pass_time),
	latsampler_params = command("latsampler_params",
		{ "string", "string", "number", "number", "string" }, function(_, kind, count, rate, path)
			check(words("simple poisson")[kind], "unknown latsampler type %s", kind)
			check(math.type(count) == "integer" and math.type(rate) == "integer", "not integers")
			state.latencies = { count = count, path = path }
		end),
	latsampler = command("latsampler", { "string", "string" }, function(_, how)
		check(state.latencies, "the sampler has no parameters")
		if how == "off" then
			write_samples()
		end
	end),
	portStats = command("portStats", age == "old" and { "string", "string" } or { "string" }, stats),
}
setmetatable(pktgen, {
	__index = function(_, name)
		error("Pktgen has no function " .. tostring(name), 2)
	end,
})

if arg[4] then
	link = dofile(directory .. "wire.lua")(arg[4], arg[5])
end
dofile(script)
check(state.sending == nil, "the script left a port sending")
for _, what in ipairs({ "set", "range", "switches" }) do
	for name, value in pairs(state[what]) do
		print(string.format("%s: %s = %s", what, name, tostring(value)))
	end
end
