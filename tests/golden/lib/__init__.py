# SPDX-License-Identifier: BSD-3-Clause
"""What the golden cases and the soak have in common."""
