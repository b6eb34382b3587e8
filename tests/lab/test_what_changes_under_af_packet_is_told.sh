#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The same on the way that is taken where the kernel has no AF_XDP, GRO that is switched on included.
export LAB_DRIVER=af_packet
exec bash "$(dirname "$0")/test_what_changes_under_a_running_node_is_told_and_mended.sh"
