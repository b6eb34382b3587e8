-- SPDX-License-Identifier: BSD-3-Clause
-- settings: the rig, for all scripts here. Copy this file, change it, and name the copy in the
-- environment: SLUICE_PKTGEN_SETTINGS=/root/rig.lua.
return {
	send_port = 0, -- Pktgen's number of the port towards the balancer
	receive_port = 1, -- and of the one that plays the backends' network
	balancer_mac = "02:00:00:00:00:10", -- of the balancer's port
	vip = "203.0.113.10",
	vip_port = 80,
	clients = "10.0.0.1", -- their first address
	flows = 10000,
	sizes = { 64, 128, 256, 512, 1024, 1280, 1518 }, -- bytes with FCS; RFC 2544, 9.1
	trial_s = 60, -- RFC 2544, 24
	settle_s = 2, -- for packets that are under way: RFC 2544, 23
	precision_percent = 0.1, -- of the rate of the link, where the search ends
	loss_percent = 0, -- that is still called none
}
