#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# deb.sh BUILD [FOLDER]: sbx_VERSION_ARCH.deb in FOLDER (the build folder), from a finished build that was set up with --prefix=/usr.
# Its dependencies are what dpkg-shlibdeps finds (package dpkg-dev), and uidmap.
set -eu

build=$(cd "$1" && pwd)
out=$(mkdir -p "${2:-$build}" && cd "${2:-$build}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)

die() {
	echo "deb.sh: $*" >&2
	exit 1
}

command -v dpkg-shlibdeps >/dev/null || die "dpkg-shlibdeps is missing (package dpkg-dev)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
meson install -C "$build" --no-rebuild --destdir "$tree" >"$work/log" 2>&1 || { cat "$work/log" && die "meson install failed"; }
[ -x "$tree/usr/bin/sbx" ] || die "this build has another prefix: meson configure $build --prefix=/usr"
strip "$tree/usr/bin/sbx" "$tree"/usr/libexec/sbx/*
gzip -9n "$tree"/usr/share/man/man*/*
install -Dm644 "$here/apparmor" "$tree/usr/share/sbx/apparmor/sbx"
install -Dm644 "$here/../../LICENSE" "$tree/usr/share/doc/sbx/copyright"
mkdir -p "$tree/DEBIAN" "$work/debian"
for script in postinst prerm postrm; do
	install -m755 "$here/$script" "$tree/DEBIAN/$script"
done
printf 'Source: sbx\n\nPackage: sbx\nArchitecture: any\n' >"$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O tree/usr/bin/sbx tree/usr/libexec/sbx/* 2>"$work/log" | sed -n 's/^shlibs:Depends=//p') || {
	cat "$work/log"
	die "dpkg-shlibdeps failed"
}
version=$("$tree/usr/bin/sbx" --version | awk 'NR == 1 { print $3 }')
arch=$(dpkg --print-architecture)
cat >"$tree/DEBIAN/control" <<END
Package: sbx
Version: $version
Architecture: $arch
Maintainer: the authors of sbx <maintainers@users.noreply.r-seed-84d30aa1.example>
Installed-Size: $(du -ks --exclude=DEBIAN "$tree" | cut -f1)
Depends: ${depends:+$depends, }ca-certificates
Recommends: uidmap
Suggests: qemu-user-static
Section: admin
Priority: optional
Description: containers without root and without a daemon
 sbx pulls OCI images from registries, stacks their layers and runs them in
 namespaces of their own, as an ordinary user, with Docker's command line.
 It builds images from Dockerfiles the same way.
END
(cd "$tree" && find usr -type f -exec md5sum {} +) >"$tree/DEBIAN/md5sums"
chmod -R u+w,go-w,a+rX "$tree"
dpkg-deb --root-owner-group -b "$tree" "$out/sbx_${version}_$arch.deb" >"$work/log" || { cat "$work/log" && die "dpkg-deb failed"; }
echo "$out/sbx_${version}_$arch.deb"
