#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Two workers with a queue each, on a port whose flows the kernel spreads over its queues.
. "$(dirname "$0")/begin.sh"

LAB_DRIVER=af_packet
lab_begin '.dataplane.workers = 2 | .dataplane.ports[0].device += ",qpairs=2"'
expect_equal "workers" "$(lab_stat '.workers | length')" 2
expect_pages "$LAB_IPIP4" 300
expect_pages "$LAB_DSR6" 300
expect_at_least "packets of the worker with less to do" "$(lab_stat '[.workers[].packets] | min')" 300
expect_law
