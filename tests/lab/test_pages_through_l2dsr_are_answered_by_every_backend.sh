#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Nothing unpacks these: the backends take them as they come.
. "$(dirname "$0")/begin.sh"

lab_begin
expect_pages "$LAB_DSR4" 300
expect_pages "$LAB_DSR6" 300
expect_law
