#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/setup installs a package that is missing and one that comes along, says so, and takes both
# away again: by the real apt, in a copy of this machine, from an archive made here.
. "$(dirname "$0")/begin.sh"
# shellcheck source=tests/lab/machine.sh
. "$(dirname "$0")/machine.sh"

SETUP=$SLUICE_TOP/scripts/setup
LIST=/var/lib/sluice/installed-packages
POLICY=/usr/sbin/policy-rc.d

# inside COMMAND...: in the copy; what one leaves behind the next one finds.
inside() {
	machine_inside "$LAB_DIR/machine" "SLUICE_BUILD=$SLUICE_BUILD" SLUICE_STARTED_US= "$@"
}

setup() {
	inside "$SETUP" "$@"
}

# What is installed there, one name per line.
packages() {
	inside dpkg-query -W -f "\${db:Status-Abbrev} \${Package}\n" | sed -n 's/^ii  *//p' | sort
}

# package NAME DEPENDS: as simple as can be. It notes where services may start while it is installed.
package() {
	local directory=$LAB_DIR/package-$1
	mkdir -p "$directory/DEBIAN"
	cat >"$directory/DEBIAN/control" <<-END
		Package: $1
		Version: 99
		Architecture: all
		Maintainer: nobody <nobody@example.org>
		Depends: $2
		Description: made by a test of sluice
	END
	cat >"$directory/DEBIAN/postinst" <<-END
		#!/bin/sh
		$POLICY 2>/dev/null
		[ \$? -eq 101 ] || touch /var/lib/$1-may-start-services
	END
	chmod 755 "$directory/DEBIAN/postinst"
	sed -i '/^Depends: $/d' "$directory/DEBIAN/control"
	dpkg-deb --build --root-owner-group "$directory" "$ARCHIVE/$1.deb" >"$LAB_DIR/deb.log"
	{
		cat "$directory/DEBIAN/control"
		printf 'Filename: ./%s.deb\nSize: %s\nSHA256: %s\n\n' "$1" "$(stat -c %s "$ARCHIVE/$1.deb")" \
			"$(sha256sum <"$ARCHIVE/$1.deb" | cut -d ' ' -f 1)"
	} >>"$ARCHIVE/Packages"
}

# The copy has no list, no other archive, and misses socat.
prepare() {
	inside bash -c "rm -rf $LIST /etc/apt/sources.list.d/* /etc/apt/preferences.d/* $POLICY &&
		echo 'deb [trusted=yes] file:/archive ./' >/etc/apt/sources.list &&
		dpkg --purge --force-depends socat" >"$LAB_DIR/prepare.log"
}

lab_open
ARCHIVE=$LAB_DIR/machine/files/upper/archive
mkdir -p "$ARCHIVE"
package socat sluice-companion
package sluice-companion ""
prepare
packages >"$LAB_DIR/before"
expect_text "nothing is said to be installed" "$(setup --uninstall)" 'has installed no package'

expect_success "setup installs what is missing" setup test >"$LAB_DIR/setup.log"
packages >"$LAB_DIR/installed"
expect_equal "what has come" "$(comm -13 "$LAB_DIR/before" "$LAB_DIR/installed" | xargs)" "sluice-companion socat"
expect_equal "services that it let start" "$(inside find /var/lib -maxdepth 1 -name '*-may-start-services')" ""
expect_refusal "a policy that it leaves behind" inside test -e "$POLICY"
said=$(setup --uninstall)
expect_text "it says what" "$said" 'purge sluice-companion socat$'
expect_equal "and takes nothing away by that" "$(packages | comm -3 "$LAB_DIR/installed" -)" ""

package sluice-later sluice-companion
inside dpkg --install /archive/sluice-later.deb >"$LAB_DIR/later.log"
expect_refusal "what another package needs is left" setup --uninstall --yes 2>"$LAB_DIR/refusal"
expect_text "and that one is named" "$(cat "$LAB_DIR/refusal")" 'these need .*: sluice-later$'
inside dpkg --purge sluice-later >>"$LAB_DIR/later.log"
expect_equal "packages that are missing or left over" "$(packages | comm -3 "$LAB_DIR/installed" -)" ""

expect_success "it takes away what it has installed" setup --uninstall --yes >"$LAB_DIR/uninstall.log"
expect_equal "packages that are missing or left over" "$(packages | comm -3 "$LAB_DIR/before" -)" ""
expect_refusal "a list of what is there no more" inside test -e "$LIST"
expect_text "nothing is said to be installed" "$(setup --uninstall)" 'has installed no package'
expect_success "this machine has its own" test "$(dpkg-query -W -f '${Version}' socat)" != 99
