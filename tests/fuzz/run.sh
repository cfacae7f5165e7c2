#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh CACHE CORES: builds the fuzz targets with clang (libFuzzer, ASan, UBSan over everything they
# link) and runs each for SBX_FUZZ_SECONDS (10) on a copy of its corpus, as many at once as there are
# cores. Inputs that break one are left in CACHE/fuzz/<target>/. Prints TAP-like lines and, for
# tests/run.sh, "@ passed failed skipped".
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=$1 cores=$2 seconds=${SBX_FUZZ_SECONDS:-10}
build=$cache/build-fuzz

mapfile -t targets < <(sed -n "s/^  \['\([a-z0-9_-]*\)'.*/\1/p" "$here/meson.build")
if [ ! -e "$build/build.ninja" ]; then
	rm -rf "$build"
	CC=clang meson setup "$build" "$here/../.." -Db_sanitize=address,undefined -Db_lundef=false \
		-Dc_args=-fsanitize=fuzzer-no-link >"$cache/log/fuzz-build" 2>&1
fi
if ! ninja -C "$build" -j "$cores" "${targets[@]/#/tests/fuzz/fuzz-}" >>"$cache/log/fuzz-build" 2>&1; then
	tail -20 "$cache/log/fuzz-build"
	echo "not ok - the fuzz targets do not build"
	echo "@ 0 1 0"
	exit
fi

fuzz() { # TARGET
	local folder=$cache/fuzz/$1
	mkdir -p "$folder/corpus"
	UBSAN_OPTIONS=halt_on_error=1 "$build/tests/fuzz/fuzz-$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
		-artifact_prefix="$folder/" "$folder/corpus" "$here/corpus/$1" >"$cache/log/fuzz-$1" 2>&1 && return
	tail -40 "$cache/log/fuzz-$1"
	echo "not ok - fuzz $1; the input is in $folder"
	return 1
}
export -f fuzz
export cache build here seconds
# shellcheck disable=SC2016 # the inner shell expands it
printf '%s\0' "${targets[@]}" | xargs -0 -P "$cores" -n 1 bash -c 'fuzz "$1"' bash >"$cache/log/fuzz-failures"
cat "$cache/log/fuzz-failures"
failed=$(grep -c '^not ok' "$cache/log/fuzz-failures")
echo "@ $((${#targets[@]} - failed)) $failed 0"
