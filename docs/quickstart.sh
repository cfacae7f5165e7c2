#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# quickstart.sh: from a fresh Debian or Ubuntu to a redis that answers, in one command.
#
#   1. installs what building and running need (root, or sudo, is used for this only)
#   2. builds sbx
#   3. as an ordinary user: sbx run -d -p 6379:6379 --name redis redis
#   4. redis-cli ping, which must say PONG, and cleans up
#
# The image is the official one from Docker Hub. Where that cannot be reached, one is made from the
# distribution's own packages and served by docker-registry on loopback, as a mirror of docker.io; the
# command stays the same. Started as root, steps 2 to 4 run as the user sbxdemo, which it makes. What
# it builds and downloads stays in one folder for the next time; the last lines say which.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
programs="sbx sbx-image sbx-fuse sbx-netstack sbx-seccomp"
registry_port=${SBX_QUICKSTART_REGISTRY_PORT:-5055}

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

show() { # runs a command the way a reader would type it
	printf '$ %s\n' "${*/#$work\/build\/sbx/sbx}"
	"$@"
}

# ---- the ordinary user's part: quickstart.sh --inside WORK ----

build() {
	if [ ! -e "$work/build/build.ninja" ]; then
		rm -rf "$work/build"
		meson setup "$work/build" "$work/src" --buildtype=release -Dwerror=false >"$work/log" 2>&1 || { cat "$work/log" && return 1; }
	fi
	# shellcheck disable=SC2086 # a list of programs
	ninja -C "$work/build" $programs >"$work/log" 2>&1 || { tail -30 "$work/log" && rm -rf "$work/build" && return 1; }
}

hub_answers() {
	[ -z "${SBX_QUICKSTART_OFFLINE:-}" ] || return 1
	case $(curl -s -m 10 -o /dev/null -w '%{http_code}' https://registry-1.docker.io/v2/) in
	200 | 401) return 0 ;;
	esac
	return 1
}

port_is_free() {
	! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

clean_up() {
	"$work/build/sbx" rm -f redis >/dev/null 2>&1 || true # it may never have started
	"$work/src/tests/fixtures/registry.sh" stop "$work/registry" "$registry_port"
}

wait_for_pong() {
	for _ in $(seq 100); do
		[ "$(redis-cli -p "$port" ping 2>/dev/null)" = PONG ] && return
		sleep 0.1
	done
	echo "redis does not answer on port $port; its log:" >&2
	"$work/build/sbx" logs redis >&2
	return 1
}

inside() {
	say "Building sbx in $work/build"
	build
	export SBX_ROOT=$work/store SBX_CONFIG=$work/config.json
	trap clean_up EXIT
	if hub_answers; then
		echo '{}' >"$SBX_CONFIG"
	else
		say "Docker Hub cannot be reached: making a redis image from this distribution's packages"
		"$work/src/tests/fixtures/registry.sh" start "$work/registry" "$registry_port"
		"$work/src/tests/fixtures/make.sh" "$work/images" "http://127.0.0.1:$registry_port" redis
		echo '{"registries": {"docker.io": {"mirrors": ["http://127.0.0.1:'"$registry_port"'"]}}}' >"$SBX_CONFIG"
	fi
	port=6379
	while ! port_is_free $port; do
		port=$((port + 1))
	done
	[ $port = 6379 ] || say "Port 6379 is taken on this machine (by a redis of its own?): using $port"
	"$work/build/sbx" rm -f redis >/dev/null 2>&1 || true # of an earlier call that was interrupted
	say "As $(id -un), who is not root:"
	show "$work/build/sbx" run -d -p $port:6379 --name redis redis
	wait_for_pong
	show redis-cli -p $port ping
	show "$work/build/sbx" ps
	show "$work/build/sbx" rm -f redis
	say "That was sbx. The program is $work/build/sbx; to remove image and build:"
	echo "  SBX_ROOT=$work/store $work/build/sbx rmi redis && rm -rf $work"
}

# ---- what the caller starts ----

main() {
	say "Installing what sbx needs"
	users=()
	if [ "$(id -u)" = 0 ]; then
		user=sbxdemo work=/var/tmp/sbx-quickstart
		users=(--user "$user")
	else
		user=$(id -un) work=${XDG_CACHE_HOME:-$HOME/.cache}/sbx-quickstart
	fi
	"$top/tests/setup/prepare.sh" "${users[@]}" --allow "$work/build/sbx" build run demo
	if [ -n "${SBX_QUICKSTART_OFFLINE:-}" ] || ! hub_answers; then
		"$top/tests/setup/prepare.sh" "${users[@]}" offline
	fi
	mkdir -p "$work"
	if [ "$(id -u)" = 0 ]; then
		chown "$user": "$work"
	fi
	if [ -L "$work" ] || [ "$(stat -c %U "$work")" != "$user" ]; then
		echo "quickstart.sh: $work belongs to somebody else" >&2
		exit 1
	fi
	# A copy: the checkout may be read-only for the user, and is not written to.
	as_user rm -rf "$work/src"
	as_user mkdir "$work/src"
	tar -C "$top" --exclude-vcs --exclude='./build*' -cf - . | as_user tar -xf - -C "$work/src"
	as_user env SBX_QUICKSTART_OFFLINE="${SBX_QUICKSTART_OFFLINE:-}" SBX_QUICKSTART_REGISTRY_PORT="$registry_port" \
		bash "$work/src/docs/quickstart.sh" --inside "$work"
}

as_user() {
	if [ "$(id -u)" = 0 ]; then
		(cd / && setpriv --reuid "$user" --regid "$user" --init-groups -- env -i HOME="$work" USER="$user" LANG=C.UTF-8 \
			PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin TERM="${TERM:-dumb}" "$@")
	else
		"$@"
	fi
}

if [ "${1:-}" = --inside ]; then
	work=$2
	inside
else
	main
fi
