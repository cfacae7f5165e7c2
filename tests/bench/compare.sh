#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# compare.sh SBX FOLDER [RUNS]: sbx beside the tools that people without root may choose instead, on this machine, now.
#
# Prints a Markdown table: the start of `true` without a network, the same with the tool's own network, a command in a
# running container (medians of RUNS, 20, taken in turns), and what is resident while one container sleeps, the
# daemon included, the sleeper not. A tool that is not installed is listed as such: nothing is guessed. proot is what udocker, which
# no distribution has, runs programs by.
# Run by tests/run.sh --bench compare, which puts the table into README.md.
set -u
sbx=$1 top=$2 runs=${3:-20}
mkdir -p "$top/rootfs" "$top/home" "$top/run" && chmod 700 "$top/run"
export HOME=$top/home XDG_RUNTIME_DIR=$top/run SBX_ROOT=$top/sbx SBX_RUNROOT=$top/run/sbx DOCKER_HOST=unix://$top/run/docker.sock
export USER=${USER:-$(id -un)} PATH=$PATH:/usr/sbin:/sbin
tools=() absent=() daemon=

cleanup() {
	for tool in "${tools[@]}"; do stop_sleeper "$tool"; done >/dev/null 2>&1
	[ -z "$daemon" ] || kill -TERM -- "-$daemon" 2>/dev/null
}
trap cleanup EXIT

say() { printf '%s\n' "$*" >&2; }

make_rootfs() {
	mkdir -p "$top/rootfs"/{bin,proc,dev,sys,tmp,etc,root,home}
	touch "$top/rootfs"/etc/{passwd,group,hosts,resolv.conf} # ch-run binds the host's over them
	mkdir -p "$top/rootfs/.singularity.d/actions" # what an instance of apptainer's runs
	printf '#!/bin/sh\nexec sleep 1000\n' >"$top/rootfs/.singularity.d/actions/start" && chmod 755 "$top/rootfs/.singularity.d/actions/start"
	cp /bin/busybox "$top/rootfs/bin/" && for name in sh true sleep; do ln -sf busybox "$top/rootfs/bin/$name"; done
	tar -C "$top/rootfs" -cf "$top/rootfs.tar" .
}

# ---- what each tool's users type; an empty answer: it has nothing of the kind ----

podman_() { podman --runtime runc --cgroup-manager cgroupfs --events-backend file --log-level error --storage-driver overlay "$@"; }
apptainer_() { "$top/apptainer/usr/bin/apptainer" --silent "$@"; }
limits=(--ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --log-driver k8s-file)

start() { # TOOL
	case $1 in
	sbx) "$sbx" run --rm --network none bench true ;;
	podman) podman_ run --rm "${limits[@]}" --network none bench true ;;
	docker) docker run --rm --network none bench true ;;
	ch-run) ch-run "$top/rootfs" -- true ;;
	bwrap) bwrap --unshare-all --bind "$top/rootfs" / --proc /proc --dev /dev true ;;
	apptainer) apptainer_ exec --userns --containall "$top/rootfs" true ;;
	proot) proot -r "$top/rootfs" -b /proc -b /dev true ;;
	esac
}

start_net() {
	case $1 in
	sbx) "$sbx" run --rm bench true ;;
	podman) podman_ run --rm "${limits[@]}" bench true ;;
	docker) docker run --rm bench true ;;
	*) return 77 ;;
	esac
}

start_sleeper() {
	case $1 in
	sbx) "$sbx" run -d --name sleeper --network none bench sleep 1000 ;;
	podman) podman_ run -d "${limits[@]}" --name sleeper --network none bench sleep 1000 ;;
	docker) docker run -d --name sleeper --network none bench sleep 1000 ;;
	apptainer) apptainer_ instance start --userns --containall "$top/rootfs" sleeper ;;
	*) return 77 ;;
	esac >/dev/null
}

stop_sleeper() {
	case $1 in
	sbx) "$sbx" rm -f sleeper ;;
	podman) podman_ rm -f -t 0 sleeper ;;
	docker) docker rm -f sleeper ;;
	apptainer) apptainer_ instance stop sleeper ;;
	esac
}

run_in() {
	case $1 in
	sbx) "$sbx" exec sleeper true ;;
	podman) podman_ exec sleeper true ;;
	docker) docker exec sleeper true ;;
	apptainer) apptainer_ exec instance://sleeper true ;;
	*) return 77 ;;
	esac
}

names() { # what the processes of a tool are called
	case $1 in
	sbx) echo sbx ;;
	podman) echo 'podman|conmon|catatonit|runc|slirp4netns|fuse-overlayfs|exe' ;;
	docker) echo 'dockerd|containerd|rootlesskit|slirp4netns|exe|docker-proxy' ;;
	apptainer) echo 'starter|appinit' ;;
	esac
}

# Debian has apptainer in unstable only, linked against a newer libc than this one's: both are unpacked here (apt checks their
# signatures) and the one told where the other is. It finds its configuration beside itself, as its own installer for homes does.
fetch_apptainer() {
	local at=$top/apptainer apt package
	[ ! -x "$at/ready" ] || return 0
	rm -rf "$at"
	mkdir -p "$at"/lists/partial "$at"/archives/partial "$at"/var/lib/apptainer/mnt/session "$at"/usr/lib
	echo "deb ${SBX_VM_MIRROR:-http://deb.debian.org/debian} sid main" >"$at/sources"
	apt=(apt-get -q -o Dir::Etc::SourceList="$at/sources" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$at/lists" -o Dir::Cache="$at")
	"${apt[@]}" update && (cd "$at" && "${apt[@]}" download apptainer libc6 libseccomp2 libsqlite3-0) || return
	for package in "$at"/*.deb; do dpkg -x "$package" "$at" || return; done
	ln -s ../etc "$at/usr/etc" && ln -s ../../etc "$at/usr/lib/etc" && ln -s ../../var "$at/usr/lib/var" || return
	for package in "$at/usr/bin/apptainer" "$at"/usr/lib/*/apptainer/bin/starter; do
		patchelf --set-interpreter "$(echo "$at"/usr/lib/*/ld-linux-*.so.*)" --force-rpath --set-rpath "$(dirname "$at"/usr/lib/*/libc.so.6)" "$package" || return
	done
	rm -rf "$at"/lists "$at"/*.deb "$at"/*.bin
	ln -s usr/bin/apptainer "$at/ready"
} >"$top/fetch.log" 2>&1

prepare() {
	case $1 in
	sbx) "$sbx" import "$top/rootfs.tar" bench:latest ;;
	podman) podman_ import "$top/rootfs.tar" docker.io/library/bench:latest ;;
	docker)
		setsid sh /usr/share/docker.io/contrib/dockerd-rootless.sh --iptables=false >"$top/dockerd.log" 2>&1 &
		daemon=$!
		for _ in $(seq 60); do
			if docker version >/dev/null 2>&1; then break; fi
			sleep 0.5
		done
		docker import "$top/rootfs.tar" bench:latest
		;;
	esac >/dev/null 2>"$top/$1.log"
}

# ---- measuring ----

microseconds() { # COMMAND...
	local begun=${EPOCHREALTIME/./}
	"$@" >/dev/null 2>"$top/last.log" </dev/null || return
	echo $((${EPOCHREALTIME/./} - begun))
}

median() { sort -n | awk '{ v[NR] = $1 } END { if (NR) printf "%.1f ms", (v[int((NR + 1) / 2)] + v[int((NR + 2) / 2)]) / 2000; else printf "–" }'; }

measure() { # WHAT: FOLDER/WHAT.TOOL gets a time a line, the tools in turns
	local i tool took
	for tool in "${tools[@]}"; do : >"$top/$1.$tool"; done
	for i in $(seq 0 "$runs"); do
		for tool in "${tools[@]}"; do
			took=$(microseconds "$1" "$tool") || continue
			[ "$i" = 0 ] || echo "$took" >>"$top/$1.$tool" # the first one warms
		done
	done
}

resident() { # TOOL: resident KiB of its processes that this user owns
	local pattern pid total=0 name pages
	pattern=$(names "$1")
	[ -n "$pattern" ] || return
	for pid in $(pgrep -u "$(id -u)"); do
		name=$(cat "/proc/$pid/comm" 2>/dev/null)
		pages=$(cut -d' ' -f2 "/proc/$pid/statm" 2>/dev/null)
		[[ -n $pages && $name =~ ^($pattern) ]] && total=$((total + pages * 4))
	done
	echo $total
}

choose_tools() {
	tools=(sbx)
	for tool in podman docker ch-run bwrap proot; do
		if ! command -v $tool >/dev/null || { [ $tool = docker ] && [ ! -e /usr/share/docker.io/contrib/dockerd-rootless.sh ]; }; then
			absent+=("$tool (not installed)")
		else
			tools+=("$tool")
		fi
	done
	if fetch_apptainer; then
		tools+=(apptainer)
	else
		absent+=("apptainer (its package cannot be fetched: $(tail -1 "$top/fetch.log"))")
	fi
	absent+=("udocker (in no distribution; its default engine is proot)")
}

drop_broken() {
	local kept=() tool
	for tool in "${tools[@]}"; do
		prepare "$tool"
		if start "$tool" >/dev/null 2>"$top/last.log" </dev/null; then
			kept+=("$tool")
		else
			say "compare: $tool does not start here: $(tail -1 "$top/last.log" "$top/$tool.log" 2>/dev/null | tail -1)"
			absent+=("$tool (does not start here)")
		fi
	done
	tools=("${kept[@]}")
}

version() {
	case $1 in
	sbx) "$sbx" --version | awk 'NR == 1 { print $NF }' ;;
	podman) podman --version | awk '{ print $3 }' ;;
	docker) docker version -f '{{.Server.Version}} rootless' | sed 's/+[^ ]*//' ;;
	ch-run) ch-run --version 2>&1 | head -1 ;;
	bwrap) bwrap --version | awk '{ print $2 }' ;;
	apptainer) apptainer_ --version | awk '{ print $NF }' ;;
	proot) proot --version | awk '/^\|__/ { print $NF }' ;;
	esac
}

main() {
	make_rootfs
	choose_tools
	drop_broken
	measure start
	measure start_net
	for tool in "${tools[@]}"; do
		start_sleeper "$tool" 2>"$top/last.log" && resident "$tool" >"$top/resident.$tool"
	done
	measure run_in
	echo "| | start | with its own network | exec | resident, one container asleep |"
	echo "|---|---|---|---|---|"
	for tool in "${tools[@]}"; do
		printf '| %s %s | %s | %s | %s | %s |\n' "$tool" "$(version "$tool")" "$(median <"$top/start.$tool")" \
			"$(median <"$top/start_net.$tool")" "$(median <"$top/run_in.$tool")" \
			"$(awk '{ printf "%.1f MB", $1 / 1024 }' "$top/resident.$tool" 2>/dev/null || echo –)"
	done
	[ ${#absent[@]} = 0 ] || printf '\nNot measured: %s.\n' "$(printf '%s, ' "${absent[@]}" | sed 's/, $//')"
}

main
