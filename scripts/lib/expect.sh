# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# expect: what a test holds to be true; ends the script with a sentence where it is not.

# expect_equal WHAT GOT WANTED
expect_equal() {
	[ "$2" = "$3" ] || die "$1: $2, expected $3"
	say "$1: $2"
}

# expect_at_least WHAT GOT WANTED
expect_at_least() {
	[ "$2" -ge "$3" ] || die "$1: $2, expected $3 or more"
	say "$1: $2"
}

# expect_text WHAT TEXT PATTERN
expect_text() {
	grep -Eq -- "$3" <<<"$2" || die "$1: '$2' does not say '$3'"
	say "$1: $2"
}

# expect_success WHAT COMMAND...
expect_success() {
	local what=$1
	shift
	"$@" || die "$what: failed ($*)"
	say "$what"
}

# expect_refusal WHAT COMMAND...: exit status 1, which a crash or a deadline does not give.
expect_refusal() {
	local what=$1 status=0
	shift
	"$@" || status=$?
	[ "$status" -eq 1 ] || die "$what: exit status $status, expected 1 ($*)"
	say "$what"
}
