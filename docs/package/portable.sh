#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# portable.sh BUILD [FOLDER]: sbx-VERSION-ARCH.tar.gz in FOLDER (the build folder), from a finished build. Unpacked anywhere, in
# $HOME for instance, it runs there: sbx itself is static, the helpers bring their libraries and the C library with them.
# It needs Linux and nothing of the distribution but newuidmap and newgidmap, where subordinate ids are wanted.
set -eu

build=$(cd "$1" && pwd)
out=$(mkdir -p "${2:-$build}" && cd "${2:-$build}" && pwd)

die() {
	echo "portable.sh: $*" >&2
	exit 1
}

ldd "$build/sbx" >/dev/null 2>&1 && die "this build's sbx is not static (libjansson.a was missing, or a sanitizer is in it)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
meson install -C "$build" --no-rebuild --destdir "$work/dest" >"$work/log" 2>&1 || { cat "$work/log" && die "meson install failed"; }
bin=$(find "$work/dest" -path '*/bin/sbx')
prefix=${bin%/bin/sbx}
[ -d "$prefix/libexec/sbx" ] || die "the helpers are not in libexec/sbx: set this build up without --libexecdir"
version=$("$bin" --version | awk 'NR == 1 { print $3 }')
name=sbx-$version-$(uname -m)
tree=$work/$name
mkdir -p "$tree/lib/sbx/loader" "$tree/lib/sbx/program" "$tree/libexec/sbx"
cp -r "$prefix/bin" "$prefix/share" "$tree"
strip "$tree/bin/sbx"
first=
for helper in "$prefix"/libexec/sbx/*; do
	base=${helper##*/}
	cp "$helper" "$tree/lib/sbx/program/$base"
	strip "$tree/lib/sbx/program/$base"
	# "libx.so.1 => /lib/libx.so.1 (0x…)" and, for the loader, "/lib64/ld-linux-x86-64.so.2 (0x…)"
	ldd "$helper" >"$work/ldd"
	! grep -q "not found" "$work/ldd" || die "$base: $(grep "not found" "$work/ldd")"
	awk '$2 == "=>" && $3 ~ /^\// { print $3 }' "$work/ldd" | while read -r library; do
		[ -e "$tree/lib/sbx/${library##*/}" ] || cp -L "$library" "$tree/lib/sbx"
	done
	if [ -z "$first" ]; then
		cp -L "$(awk '$1 ~ /^\/.*ld-/ { print $1 }' "$work/ldd")" "$tree/lib/sbx/loader/$base"
		cp "$build/sbx-portable" "$tree/libexec/sbx/$base"
		strip "$tree/libexec/sbx/$base"
		first=$base
	else
		ln "$tree/lib/sbx/loader/$first" "$tree/lib/sbx/loader/$base"
		ln "$tree/libexec/sbx/$first" "$tree/libexec/sbx/$base"
	fi
done
chmod -R u+w,go-w,a+rX "$tree"
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner -cf - "$name" | gzip -n "${SBX_GZIP_LEVEL:--9}" >"$out/$name.tar.gz"
echo "$out/$name.tar.gz"
