-- SPDX-License-Identifier: BSD-3-Clause
-- wire: a link for the stand-in on which packets are real: bench_generator (generator.c) sends them
-- through a balancer and counts what comes back. It sends no faster than they come back, so that
-- nothing is lost for want of time on a busy machine; what the balancer drops is lost all the same.
local PPS = 100000

local function number_of(address)
	local a, b, c, d = address:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")

	return ((a * 256 + b) * 256 + c) * 256 + d
end

-- As many flows as Pktgen would send; which ones is the generator's own choice.
local function count_flows(range)
	local clients = number_of(range["src_ip max"]) - number_of(range["src_ip min"]) + 1

	assert(range["src_port inc"] == 0, "a range beside that of the clients")
	return math.tointeger(clients)
end

return function(orders_path, answers_path)
	local orders = assert(io.open(orders_path, "w"))
	local answers = assert(io.open(answers_path, "r"))

	-- Packets sent and received since the generator began.
	local function order(...)
		orders:write(string.format(...), "\n")
		orders:flush()
		local answer = assert(answers:read("l"), "the generator does not answer")

		return tonumber(answer:match('"sent": (%d+)')), tonumber(answer:match('"received": (%d+)'))
	end

	local sent, received = order("counts")

	return {
		pps = PPS,
		-- Of so many packets, as has been set at the stand-in: how many were sent and came back.
		carry = function(packets, state)
			local sent_before, received_before = sent, received

			sent, received = order("carry %d %d %d", count_flows(state.range),
				state.set["set size"], packets)
			return sent - sent_before, received - received_before
		end,
	}
end
