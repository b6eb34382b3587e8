-- SPDX-License-Identifier: BSD-3-Clause
-- flows: how the throughput at 64 bytes depends on the number of flows. It should not.
local directory = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
local rig = dofile(directory .. "rig.lua")
local FLOWS = { 1, 10000, 100000, 1000000, 10000000 }

rig.run(function()
	rig.set_size(64)
	for _, flows in ipairs(FLOWS) do
		rig.set_flows(flows)
		print(string.format("%d flows", flows))
		local rate, packets = rig.throughput(print)
		print(string.format("throughput %d flows: %.3f %% of the link, %.3f Mpps", flows, rate,
			packets / 1e6))
	end
end)
