#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh CACHE CORES: builds the fuzz targets with clang (libFuzzer, ASan, UBSan over everything they
# link) and runs each for SBX_FUZZ_SECONDS (20) on a copy of its corpus. Inputs that break one are left
# in CACHE/fuzz/<target>/. Prints TAP-like lines and, for tests/run.sh, "@ passed failed skipped".
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=$1 cores=$2 seconds=${SBX_FUZZ_SECONDS:-20}
build=$cache/build-fuzz passed=0 failed=0

mapfile -t targets < <(sed -n "s/^  \['\([a-z0-9_-]*\)'.*/\1/p" "$here/meson.build")
if [ ! -e "$build/build.ninja" ]; then
	rm -rf "$build"
	CC=clang meson setup "$build" "$here/../.." -Db_sanitize=address,undefined -Db_lundef=false \
		-Dc_args=-fsanitize=fuzzer-no-link >"$cache/log/fuzz-build" 2>&1
fi
for target in "${targets[@]}"; do
	folder=$cache/fuzz/$target
	mkdir -p "$folder/corpus"
	if ! ninja -C "$build" -j "$cores" "tests/fuzz/fuzz-$target" >>"$cache/log/fuzz-build" 2>&1; then
		tail -20 "$cache/log/fuzz-build"
		echo "not ok - fuzz $target does not build"
		failed=$((failed + 1))
		continue
	fi
	if UBSAN_OPTIONS=halt_on_error=1 "$build/tests/fuzz/fuzz-$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
		-artifact_prefix="$folder/" "$folder/corpus" "$here/corpus/$target" >"$cache/log/fuzz-$target" 2>&1; then
		passed=$((passed + 1))
	else
		tail -40 "$cache/log/fuzz-$target"
		echo "not ok - fuzz $target; the input is in $folder"
		failed=$((failed + 1))
	fi
done
echo "@ $passed $failed 0"
