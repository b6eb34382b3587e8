-- SPDX-License-Identifier: BSD-3-Clause
-- The settings of scripts/pktgen for the stand-in, to see whether the largest frames pass at all.
local directory = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
local settings = dofile(directory .. "rig_in_small.lua")

settings.sizes = { 1518 }
settings.precision_percent = 50
return settings
