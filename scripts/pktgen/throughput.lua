-- SPDX-License-Identifier: BSD-3-Clause
-- throughput: the highest rate that the balancer forwards without loss, for each frame size
-- (RFC 2544, 26.1).
local directory = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
local rig = dofile(directory .. "rig.lua")

rig.run(function()
	rig.set_flows(rig.settings.flows)
	print(string.format("%d flows to %s", rig.settings.flows, rig.settings.vip))
	for _, size in ipairs(rig.settings.sizes) do
		rig.set_size(size)
		print(string.format("%d bytes", size))
		local rate, packets = rig.throughput(print)
		print(string.format("throughput %d bytes: %.3f %% of the link, %.3f Mpps", size, rate,
			packets / 1e6))
	end
end)
