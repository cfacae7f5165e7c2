#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# prepare.sh [--user NAME] [--plain-user NAME] [--allow PROGRAM] GROUP...: makes this machine ready.
# Installs the packages of the named groups (see tests/setup/packages) that are missing, and nothing
# when none is; opens /dev/fuse and /dev/net/tun to everybody as distributions do; makes the named user
# with, or without, subordinate ids (the caller gets some when no user is named); where AppArmor keeps
# user namespaces from programs it does not know, writes a profile for PROGRAM. A second call changes
# nothing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
users="" plain="" programs=""
while :; do
	case ${1:-} in
	--user) users="$users $2" ;;
	--plain-user) plain="$plain $2" ;;
	--allow) programs="$programs $2" ;;
	*) break ;;
	esac
	shift 2
done

if [ "$(id -u)" = 0 ]; then
	as_root() { "$@"; }
elif command -v sudo >/dev/null 2>&1; then
	as_root() { sudo "$@"; }
else
	as_root() {
		echo "prepare.sh: this step needs root and there is no sudo: $*" >&2
		exit 1
	}
fi

missing_packages() {
	for group in "$@"; do
		sed -n "s/^$group //p" "$here/packages"
	done | sort -u | while read -r name; do
		dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || echo "$name"
	done
}

# Packages such as redis-server and docker-registry start a service when they are installed, which
# would take the port that the demonstration wants.
install_packages() {
	policy=/usr/sbin/policy-rc.d
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
		as_root chmod 755 $policy
		trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
	fi
	as_root apt-get update -q
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

open_device() { # PATH MAJOR MINOR
	if [ ! -e "$1" ]; then
		as_root mkdir -p "$(dirname "$1")"
		as_root mknod -m 666 "$1" c "$2" "$3" || echo "prepare.sh: no $1 on this machine" >&2
	elif [ "$(stat -c %a "$1")" = 600 ]; then
		as_root chmod 666 "$1"
	fi
}

# The first 65536 ids that no line of the file overlaps.
free_range() { # FILE
	awk -F: 'BEGIN { top = 100000 } $2 + $3 > top { top = $2 + $3 } END { print top }' "$1"
}

give_ids() { # USER
	for kind in uid gid; do
		file=/etc/sub$kind
		[ -e $file ] || as_root touch $file
		if ! grep -q "^$1:" $file; then
			first=$(free_range $file)
			as_root usermod --add-sub${kind}s "$first-$((first + 65535))" "$1"
		fi
	done
}

make_user() { # USER
	id "$1" >/dev/null 2>&1 || as_root useradd --create-home --shell /bin/bash "$1"
}

# Ubuntu 24.04 and later; see E-USERNS-APPARMOR in docs/errors.md.
allow_namespaces() { # PROGRAM
	[ "$(cat /proc/sys/kernel/apparmor_restrict_unprivileged_userns 2>/dev/null)" = 1 ] || return 0
	profile=/etc/apparmor.d/sbx-$(echo "$1" | tr / .)
	[ ! -e "$profile" ] || return 0
	printf 'abi <abi/4.0>,\ninclude <tunables/global>\nprofile %s %s flags=(unconfined) {\n  userns,\n}\n' \
		"$(basename "$profile")" "$1" | as_root tee "$profile" >/dev/null
	as_root apparmor_parser -r "$profile"
}

missing=$(missing_packages "$@")
# shellcheck disable=SC2086 # a list of package names
[ -z "$missing" ] || install_packages $missing
open_device /dev/fuse 10 229
open_device /dev/net/tun 10 200

for name in $users; do
	make_user "$name"
	give_ids "$name"
done
for name in $plain; do
	make_user "$name"
	if grep -qs "^$name:" /etc/subuid /etc/subgid; then
		as_root sed -i "/^$name:/d" /etc/subuid /etc/subgid
	fi
done
if [ -z "$users$plain" ] && [ "$(id -u)" != 0 ]; then
	give_ids "$(id -un)"
fi
for program in $programs; do
	allow_namespaces "$program"
done
