# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# certificates: an authority of the lab, and what it signs. All are PEM in LAB_DIR/certificates:
# ca.pem, NAME.pem and NAME.key.

certificates_begin() {
	local directory=$LAB_DIR/certificates
	mkdir -p "$directory/issued"
	: >"$directory/index"
	cat >"$directory/ca.cnf" <<-END
		[ca]
		default_ca = lab
		[lab]
		certificate = $directory/ca.pem
		private_key = $directory/ca.key
		database = $directory/index
		new_certs_dir = $directory/issued
		rand_serial = yes
		unique_subject = no
		default_md = sha256
		policy = any
		copy_extensions = copy
		[any]
		commonName = supplied
	END
	certificate_sign_itself ca "/CN=authority of the lab"
}

# certificate_sign_itself NAME SUBJECT [ARGUMENTS...]
certificate_sign_itself() {
	certificate_openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-keyout "$1.key" -out "$1.pem" -subj "$2" "${@:3}"
}

# certificate_make NAME DNS_NAME [FIRST LAST]: times as 20200101000000Z; by default it is valid.
certificate_make() {
	certificate_openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$1.key" -out "$1.csr" -subj "/CN=$2" -addext "subjectAltName=DNS:$2"
	certificate_openssl ca -batch -config ca.cnf -notext -in "$1.csr" -out "$1.pem" \
		-startdate "${3:-20200101000000Z}" -enddate "${4:-20990101000000Z}"
}

certificate_openssl() {
	(cd "$LAB_DIR/certificates" && openssl "$@" 2>>"$LAB_DIR/openssl.log") ||
		die "openssl $1 failed"
}
