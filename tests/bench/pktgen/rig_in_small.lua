-- SPDX-License-Identifier: BSD-3-Clause
-- The settings of scripts/pktgen for the stand-in.
return {
	send_port = 0,
	receive_port = 1,
	balancer_mac = "02:00:00:00:00:10",
	vip = "203.0.113.10",
	vip_port = 80,
	clients = "10.0.0.250",
	flows = 10000,
	sizes = { 64, 1518 },
	trial_s = 1,
	settle_s = 0.1,
	precision_percent = 0.1,
	loss_percent = 0,
}
