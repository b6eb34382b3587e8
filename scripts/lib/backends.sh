# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# backends: nginx and the decapsulator on b1, b2 and b3, which are web-1, web-2 and web-3.

# Starts all; returns once each of them answers.
lab_backends_start() {
	local number
	for number in "${LAB_BACKENDS[@]}"; do
		nginx_start "$number"
		decap_attach "$number"
	done
	for number in "${LAB_BACKENDS[@]}"; do
		wait_for 60 backend_answers "$number" || die "backend web-$number does not answer"
	done
}

# By both of its own addresses, which also makes the neighbours known before anybody measures.
backend_answers() {
	local address
	for address in "10.2.0.2$1" "[fd00:2::2$1]"; do
		lab_in cli curl -sf -o /dev/null -m 2 "http://$address/" || return 1
	done
}

# nginx_start NUMBER. Every answer says in X-Backend who gave it; /big has 1 MB; what is sent to
# /up is kept in LAB_DIR/nginx-NUMBER/up/. A test may put further locations into
# LAB_DIR/nginx-NUMBER/locations/*.conf beforehand.
nginx_start() {
	local directory=$LAB_DIR/nginx-$1
	mkdir -p "$directory/www" "$directory/up"
	truncate -s 1M "$directory/www/big"
	echo "web-$1" >"$directory/www/index.html"
	nginx_config "$1" "$directory" >"$directory/nginx.conf"
	lab_spawn "nginx-$1" "b$1" nginx -p "$directory" -e "$directory/error.log" -c "$directory/nginx.conf"
}

# /up passes through a second server because nginx reads a body only on someone's behalf.
nginx_config() {
	cat <<-END
		user root;
		worker_processes 1;
		daemon off;
		pid $2/pid;
		error_log $2/error.log;
		events { worker_connections 1024; }
		http {
			access_log off;
			keepalive_timeout 60;
			proxy_temp_path $2/proxy;
			fastcgi_temp_path $2/fastcgi;
			uwsgi_temp_path $2/uwsgi;
			scgi_temp_path $2/scgi;
			client_body_temp_path $2/up;
			client_max_body_size 100m;
			add_header X-Backend web-$1;
			server {
				listen 80 backlog=1024;
				listen [::]:80 backlog=1024;
				root $2/www;
				include $2/locations/*.conf;
				location /up {
					client_body_in_file_only on;
					proxy_pass http://unix:$2/up.sock;
				}
			}
			server {
				listen unix:$2/up.sock;
				location / { return 200 "received\n"; }
			}
		}
	END
}

# LAB_DECAP_MODE: auto, xdp, xdpgeneric or tc.
decap_attach() {
	if ! lab_in "b$1" "$SLUICE_DECAP" attach --interface srv0 --mode "${LAB_DECAP_MODE:-auto}" \
		--source "$LAB_BALANCER4" --source "$LAB_BALANCER6" \
		--vip "$LAB_IPIP4" --vip "$LAB_IPIP6" >>"$LAB_DIR/decap-$1.log" 2>&1; then
		die "sluice-decap attach failed on web-$1"
	fi
}
