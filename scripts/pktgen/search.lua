-- SPDX-License-Identifier: BSD-3-Clause
-- search: the highest rate without loss, by bisection (RFC 2544, 26.1). Knows nothing of Pktgen.
local search = {}

-- `try(rate)` sends at that rate, in percent of the link's, and returns the share of packets that
-- were lost, in percent. Returns the highest rate that was tried and lost no more than
-- `limits.loss_percent`, and 0 if there was none; what it is short of the true one is at most
-- `limits.precision_percent`.
function search.highest_rate(try, limits)
	local good, bad = 0, 100

	if try(100) <= limits.loss_percent then
		return 100
	end
	while bad - good > limits.precision_percent do
		local rate = (good + bad) / 2

		if try(rate) <= limits.loss_percent then
			good = rate
		else
			bad = rate
		end
	end
	return good
end

-- The value below which `percent` of the sorted values are; the nearest rank.
function search.percentile(sorted, percent)
	return sorted[math.max(1, math.ceil(#sorted * percent / 100))]
end

return search
