-- SPDX-License-Identifier: BSD-3-Clause
-- latency: from port to port at 10, 50 and 90 % of the throughput at 64 bytes, in microseconds, by
-- Pktgen's latency sampler (needs Pktgen 20.10 or later). Run it a second time with a cable in the
-- place of the balancer (or testpmd io): the difference is what the balancer adds.
local directory = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
local rig = dofile(directory .. "rig.lua")
local SHARES = { 10, 50, 90 } -- percent of the throughput
local SAMPLES = 100000
local WARM_UP_S = 1

local send, receive = tostring(rig.settings.send_port), tostring(rig.settings.receive_port)

-- The sampler writes a line of heading and then one figure to a line, in nanoseconds.
local function read_samples(path)
	local samples = {}

	for line in io.lines(path) do
		local nanoseconds = tonumber(line)

		if nanoseconds then
			samples[#samples + 1] = nanoseconds / 1000
		end
	end
	table.sort(samples)
	return samples
end

local function sample(rate)
	local path = os.tmpname()
	local seconds = rig.settings.trial_s

	pktgen.latsampler_params(receive, "simple", SAMPLES, SAMPLES // seconds, path)
	rig.send(rate, seconds, function()
		pktgen.delay(WARM_UP_S * 1000)
		pktgen.latsampler(receive, "on")
		pktgen.delay(math.floor(seconds * 1000))
		pktgen.latsampler(receive, "off")
	end)
	local samples = read_samples(path)

	os.remove(path)
	return samples
end

rig.run(function()
	rig.set_flows(rig.settings.flows)
	rig.set_size(64)
	local highest = rig.throughput(print)

	pktgen.latency(send, "enable")
	pktgen.latency(receive, "enable")
	for _, share in ipairs(SHARES) do
		local samples = sample(highest * share / 100)
		local at = function(percent)
			return rig.search.percentile(samples, percent)
		end

		if #samples == 0 then
			error("Pktgen took no sample of latency")
		end
		print(string.format("latency at %d %%: p50 %.2f, p99 %.2f, p99.9 %.2f, most %.2f us (%d)",
			share, at(50), at(99), at(99.9), samples[#samples], #samples))
	end
	pktgen.latency(send, "disable")
	pktgen.latency(receive, "disable")
end)
