#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The same on the way that is taken where the kernel has no AF_XDP.
export LAB_DRIVER=af_packet
exec bash "$(dirname "$0")/test_an_upload_of_20_megabytes_arrives_whole.sh"
