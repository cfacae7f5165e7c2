#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [--suite NAME]... [--bench [ROW | compare | recording]] [PATTERN...]
#
# Builds sbx and runs its tests, all of them or the named suites; patterns choose among the tests of
# suites that have names (acceptance, errors, homes, deny, nosub). Started as root, or by a user with sudo:
# root is used to install packages, to make the test users and for the faults only root can make;
# all else runs as an unprivileged user. Builds, images and logs are kept in $SBX_TEST_CACHE
# (/var/tmp/sbx-tests) for the next run; the checkout itself is not written to.
#
# The last line is "N passed, N failed, N skipped"; the status is 0 when none failed.
set -uo pipefail

SUITES=(lint unit clang asan kernel acceptance errors deny nosub fuzz)
top=$(cd "$(dirname "$0")/.." && pwd)
cores=$(nproc)

usage() {
	sed -n '3,11s/^# \{0,1\}//p' "$0"
	echo "Suites: ${SUITES[*]}; only by name: attacks, homes, install, soak, vm"
}

say() { printf '%s\n' "$*"; }

die() {
	printf 'run.sh: %s\n' "$*" >&2
	exit 1
}

# ---- what runs as the unprivileged user: run.sh --inside ACTION ----

build() { # FOLDER CC [MESON OPTION...]
	local folder=$cache/$1 cc=$2
	shift 2
	if [ ! -e "$folder/build.ninja" ]; then
		rm -rf "$folder"
		CC=$cc meson setup "$folder" "$cache/src" "$@" || return
	fi
	ninja -C "$folder" -j "$cores"
}

# Counts in meson's log of the last run: "passed failed skipped"; names what did not pass.
meson_results() { # BUILD
	python3 - "$1/meson-logs/testlog.json" <<'END'
import json, sys
count = {"OK": 0, "SKIP": 0, "bad": 0}
for line in open(sys.argv[1], encoding="utf-8"):
    test = json.loads(line)
    kind = test["result"] if test["result"] in ("OK", "SKIP") else "bad"
    count[kind] += 1
    if kind == "SKIP":
        print("ok - %s # SKIP %s" % (test["name"], (test.get("stdout") or "no reason").strip().split("\n")[-1]))
    if kind == "bad":
        print("not ok - %s: %s" % (test["name"], test["result"]))
        text = (test.get("stdout") or "") + (test.get("stderr") or "")
        print("\n".join("#   " + l for l in text.strip().split("\n")[-40:]))
print("@ %d %d %d" % (count["OK"], count["bad"], count["SKIP"]))
END
}

meson_suite() { # BUILD SUITE
	meson test -C "$cache/$1" --suite "$2" --no-rebuild >/dev/null 2>&1
	meson_results "$cache/$1"
}

# A program that prints TAP: shows what did not pass and counts.
tap() {
	"$@" | tee -a "$cache/log/tap" | awk '
		/^ok .*# SKIP/ { skip++; print; next }
		/^ok .*# FLAKY/ { pass++; print; next }
		/^ok/ { pass++; next }
		/^not ok/ { fail++ }
		/^1\.\./ { planned = 1; next }
		{ print }
		END { if (!planned) { fail++; print "not ok - the program ended before its plan" }
		      printf "@ %d %d %d\n", pass, fail, skip }'
}

system_tests() { # FILE...: each a program of its own
	local file
	for file in "$@"; do
		say "# $(basename "$file")"
		tap timeout 1500 python3 "$file" "${patterns[@]}" 2>&1
	done
}

sanitized() {
	export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=99 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
}

inside() {
	local files=("$cache"/src/tests/system/test_*.py)
	export SBX_BIN=$cache/build/sbx SBX_TEST_TMP=$cache/t SBX_TEST_REGISTRY=http://127.0.0.1:$port
	export SBX_TEST_DENY_BIN=$cache/build/tests/deny
	case $1 in
	build) build build gcc ;;
	fixtures)
		"$cache/src/tests/fixtures/registry.sh" start "$cache/registry" "$port" &&
			"$cache/src/tests/fixtures/make.sh" "$cache/images" "$SBX_TEST_REGISTRY"
		;;
	stop) "$cache/src/tests/fixtures/registry.sh" stop "$cache/registry" "$port" ;;
	lint | unit | kernel) meson_suite build "$1" ;;
	clang)
		if build build-clang clang --buildtype=debugoptimized >"$cache/log/clang-build" 2>&1; then
			meson_suite build-clang unit
		else
			tail -30 "$cache/log/clang-build"
			say "not ok - build with clang"
			say "@ 0 1 0"
		fi
		;;
	asan)
		if ! build build-asan gcc -Db_sanitize=address,undefined >"$cache/log/asan-build" 2>&1; then
			tail -30 "$cache/log/asan-build"
			say "not ok - build with sanitizers"
			say "@ 0 1 0"
			return
		fi
		sanitized
		meson_suite build-asan unit
		export SBX_CONFINE=off # the leak checker makes calls at exit that no helper's list has
		SBX_BIN=$cache/build-asan/sbx SBX_TEST_VARIANTS=${SBX_TEST_VARIANTS:-overlay} SBX_TEST_SECONDS=240 \
			SBX_TEST_ROOT=without system_tests "${files[@]}"
		SBX_BIN=$cache/build-asan/sbx SBX_TEST_VARIANTS=fuse SBX_TEST_SECONDS=240 \
			SBX_TEST_ROOT=without system_tests "$cache/src/tests/system/core.py"
		;;
	acceptance) SBX_TEST_ROOT=without system_tests "${files[@]}" ;;
	vm) tap timeout 4500 sh "$cache/src/tests/vm/run.sh" "$cache/vm" "$cache/build" 2>&1 ;;
	fuzz) "$cache/src/tests/fuzz/run.sh" "$cache" "$cores" ;;
	attacks) SBX_TEST_ROOT=without python3 "$cache/src/tests/attacks/attacks.py" "$cache/src" "$cache/build" "${patterns[@]}" ;;
	soak) # long, and only by name: more random steps, 100 kills under a database
		SBX_TEST_SEEDS=${SBX_TEST_SEEDS:-100} SBX_TEST_KILLS=${SBX_TEST_KILLS:-50} SBX_TEST_MOMENTS=${SBX_TEST_MOMENTS:-100} \
			SBX_TEST_BUILDS=${SBX_TEST_BUILDS:-500} SBX_TEST_ROUNDS=${SBX_TEST_ROUNDS:-500} SBX_TEST_ROOT=without \
			system_tests "$cache"/src/tests/system/test_{fuse,fuse_hard,fuse_beside,fuse_postgres,soak,faults_by_name,build_hard}.py
		;;
	compare) "$cache/src/tests/bench/compare.sh" "$cache/build/sbx" "$cache/compare" >"$cache/compare.md" ;;
	recording)
		mkdir -p "$cache/recording/run" && chmod 700 "$cache/recording/run"
		printf '{"registries": {"docker.io": {"mirrors": ["%s"]}}}' "$SBX_TEST_REGISTRY" >"$cache/recording/config.json"
		export PATH=$cache/build:$PATH SBX_ROOT=$cache/recording/root SBX_RUNROOT=$cache/recording/run SBX_CONFIG=$cache/recording/config.json
		sbx pull -q redis && "$cache/src/tests/bench/record.py" "$cache/src/README.md" "$cache/recording.svg"
		;;
	bench) python3 "$cache/src/tests/bench/bench.py" "$cache" "${patterns[@]}" ;;
	*) die "no suite $1; there are: ${SUITES[*]}" ;;
	esac
}

# ---- what the caller starts ----

drop() { # COMMAND...: as the test user, with a clean environment
	local lead=()
	[ "$(id -u)" = 0 ] && lead=(setpriv --reuid "$user" --regid "$user" --init-groups --)
	(cd / && "${lead[@]}" env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LANG=C.UTF-8 HOME="$cache" USER="$user" "$@")
}

as_user() { # ACTION of the part above, from the copied tree
	local name wishes=() # docs/testing.md has what they mean
	for name in SBX_TEST_{BUILDS,CHANCES,ROUNDS,VARIANTS,SEED,MOMENTS,SEEDS,KILLS,KEEP} SBX_FUZZ_SECONDS SBX_VM_{ACCEL,SECONDS,KERNELS,PARTS,MIRROR}; do
		[ -z "${!name:-}" ] || wishes+=("$name=${!name}")
	done
	drop SBX_TEST_CACHE="$cache" SBX_TEST_PORT="$port" SBX_TEST_PORTS="$((port + 10))" "${wishes[@]}" \
		bash "$cache/src/tests/run.sh" --inside "$1" "${patterns[@]}"
}

# These need root for their set-up (faulty mounts, filters, another user) and drop it themselves.
root_suite() { # NAME
	local file
	export SBX_BIN=$cache/build/sbx SBX_TEST_TMP=$cache/t SBX_TEST_REGISTRY=http://127.0.0.1:$port
	export SBX_TEST_DENY_BIN=$cache/build/tests/deny SBX_TEST_PORTS=$((port + 10)) SBX_TEST_USER=$user
	case $1 in
	errors)
		system_tests "$cache/src/tests/system/errors.py"
		SBX_TEST_ROOT=only system_tests "$cache"/src/tests/system/test_*.py
		;;
	homes) system_tests "$cache/src/tests/system/homes.py" ;;
	install) SBX_TEST_ROOTS=$cache.roots system_tests "$cache/src/tests/system/install.py" ;;
	deny)
		for features in openat2 clone3 mount-api close_range pidfd_open setns-pidfd "openat2 mount-api close_range pidfd_open landlock"; do
			say "# without $features"
			SBX_TEST_DENY=$features SBX_TEST_VARIANTS="overlay fuse" tap timeout 600 \
				python3 "$cache/src/tests/system/core.py" "${patterns[@]}" 2>&1
		done
		;;
	nosub)
		if [ "$(id -u)" = 0 ]; then
			SBX_TEST_USER=sbxnosub SBX_TEST_TMP=$cache/t SBX_TEST_VARIANTS=single tap timeout 600 \
				python3 "$cache/src/tests/system/core.py" "${patterns[@]}" 2>&1
		else
			say "ok - nosub # SKIP needs root to become the user sbxnosub"
			say "@ 0 0 1"
		fi
		;;
	esac
}

leftovers() {
	local found
	found=$(pgrep -a -u "$user" -f "$cache/build[^ ]*/sbx|$cache/t/"
		grep -F "$cache/t/" /proc/self/mountinfo
		find "$cache/t" -maxdepth 1 -name 't-*' -newer "$cache/log/started")
	if [ -n "$found" ]; then
		say "$found"
		say "not ok - something was left behind"
		say "@ 0 1 0"
	else
		say "@ 1 0 0"
	fi
}

passed=0 failed=0 skipped=0 flaky=0
count() { # NAME: reads a suite's output, shows it, adds up its "@ passed failed skipped" lines
	local name=$1 line p=0 f=0 s=0 begun=$SECONDS seen=no
	while IFS= read -r line; do
		if [[ $line =~ ^@\ ([0-9]+)\ ([0-9]+)\ ([0-9]+)$ ]]; then
			p=$((p + BASH_REMATCH[1])) f=$((f + BASH_REMATCH[2])) s=$((s + BASH_REMATCH[3])) seen=yes
		else
			say "$line"
			[[ $line != "ok "*"# FLAKY"* ]] || flaky=$((flaky + 1))
		fi
	done
	if [ $seen = no ]; then
		say "not ok - the suite $name ended without a result"
		f=1
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	say "== $name: $p passed, $f failed, $s skipped ($((SECONDS - begun)) s)"
}

# The checkout may be unreadable for the test user and must not be written to.
copy_tree() {
	drop mkdir -p "$cache/src" "$cache/log" "$cache/t" && drop rm -rf "$cache/src" && drop mkdir "$cache/src" &&
		tar -C "$top" --exclude-vcs --exclude='./build*' --exclude=__pycache__ -cf - . | drop tar -xf - -C "$cache/src"
}

choose_user() {
	if [ "$(id -u)" = 0 ]; then
		user=sbxtest cache=${SBX_TEST_CACHE:-/var/tmp/sbx-tests}
	else
		user=$(id -un) cache=${SBX_TEST_CACHE:-/var/tmp/sbx-tests-$(id -un)}
	fi
}

make_cache() {
	mkdir -p "$cache" || die "cannot make $cache"
	[ "$(id -u)" != 0 ] || [ "$(stat -c %U "$cache")" = "$user" ] || chown "$user": "$cache"
	if [ -L "$cache" ] || [ "$(stat -c %U "$cache")" != "$user" ]; then
		die "$cache belongs to somebody else; set SBX_TEST_CACHE"
	fi
	chmod 755 "$cache"
}

prepare() { # SUITE...
	local suite users=(--allow "$cache/build/sbx" --allow "$cache/build-asan/sbx")
	[ "$(id -u)" = 0 ] && users+=(--user "$user" --plain-user sbxnosub)
	"$top/tests/setup/prepare.sh" "${users[@]}" build run demo offline tests ${bench:+bench} || die "this machine cannot be prepared"
	for suite in "$@"; do # these three skip with the reason what they lack
		case $suite in
		homes | install | vm) "$top/tests/setup/prepare.sh" "$suite" || say "# not all that the suite $suite wants could be installed" ;;
		esac
	done
	make_cache
	[ "$(id -u)" != 0 ] || rm -rf "$cache"/t/t-* # of runs that were killed
	copy_tree || die "cannot copy the tree to $cache"
	drop touch "$cache/log/started"
	as_user build >"$cache.log" 2>&1 || {
		tail -40 "$cache.log"
		say "not ok - build"
		say "0 passed, 1 failed, 0 skipped"
		exit 1
	}
	rm -f "$cache.log"
}

needs_images() {
	case " $* " in
	*" asan "* | *" attacks "* | *" soak "* | *" acceptance "* | *" errors "* | *" homes "* | *" install "* | *" deny "* | *" nosub "*) return 0 ;;
	esac
	return 1
}

main() {
	local suites=() suite
	bench=
	patterns=()
	while [ $# -gt 0 ]; do
		case $1 in
		--suite)
			suites+=("${2:?a suite: ${SUITES[*]}}")
			shift
			;;
		--bench) bench=yes ;;
		-h | --help)
			usage
			exit 0
			;;
		-*) die "unknown option $1" ;;
		*) patterns+=("$1") ;;
		esac
		shift
	done
	[ ${#suites[@]} -gt 0 ] || suites=("${SUITES[@]}")
	choose_user
	prepare "${suites[@]}"
	if [ -n "$bench" ] || needs_images "${suites[@]}"; then
		trap 'as_user stop' EXIT
		as_user fixtures || die "the images cannot be made"
	fi
	if [ "$bench${patterns[*]}" = yescompare ]; then
		as_user compare && python3 "$top/tests/bench/into.py" "$cache/compare.md" "$top/README.md"
		exit
	fi
	if [ "$bench${patterns[*]}" = yesrecording ]; then
		as_user recording && cp "$cache/recording.svg" "$top/docs/recording.svg"
		exit
	fi
	if [ -n "$bench" ]; then
		as_user bench && cp "$cache/benchmarks.md" "$top/docs/benchmarks.md"
		exit
	fi
	for suite in "${suites[@]}"; do
		case $suite in
		errors | homes | install | deny | nosub) count "$suite" < <(root_suite "$suite" 2>&1) ;;
		*) count "$suite" < <(as_user "$suite" 2>&1) ;;
		esac
	done
	count leftovers < <(leftovers)
	if [ $flaky -gt 0 ]; then
		say "$flaky passed at the second try only (# FLAKY above); ${SBX_TEST_CHANCES:-0} may"
		[ $flaky -le "${SBX_TEST_CHANCES:-0}" ] || failed=$((failed + flaky)) passed=$((passed - flaky))
	fi
	say "$passed passed, $failed failed, $skipped skipped"
	[ $failed = 0 ]
}

if [ "${1:-}" = --inside ]; then
	shift
	cache=${SBX_TEST_CACHE:?} port=${SBX_TEST_PORT:?} action=$1
	shift
	patterns=("$@")
	inside "$action"
else
	port=${SBX_TEST_PORT:-21400}
	main "$@"
fi
