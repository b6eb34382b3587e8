-- SPDX-License-Identifier: BSD-3-Clause
-- syn_flood: the throughput of SYNs, each from another address and port, which would fill the table
-- of a balancer that tracks every flow. For a closed rig: the addresses are forged.
local directory = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
local rig = dofile(directory .. "rig.lua")

rig.run(function()
	rig.set_size(64)
	rig.set_flood()
	local rate, packets = rig.throughput(print)
	rig.end_flood()
	print(string.format("throughput SYN flood: %.3f %% of the link, %.3f Mpps", rate, packets / 1e6))
end)
