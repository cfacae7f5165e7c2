# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2016,SC2154 # what stands in quotes is for the shell inside; tap.sh and inside.sh set the rest
# A home on NFS with root_squash: version 4.2, which has extended attributes, and version 3, which has none. The server asks
# who the caller is on the host, so nobody there can give a file away: doctor says so, and what it foretells is what comes.
mkdir -p /srv/store /home/tester/nfs /tmp/owned/etc
chown tester: /srv/store
systemctl start nfs-server
exportfs -o rw,root_squash,no_subtree_check,insecure,fsid=1 127.0.0.1:/srv/store
echo fine >/tmp/owned/file
tar -xf /host/busybox.tar -C /tmp/owned
chown 5:7 /tmp/owned/file
tar -C /tmp/owned -cf /home/tester/owned.tar .

on_nfs() { # OPTION...: sbx with its store there
	in_session sbx --root /home/tester/nfs/store "$@"
}

for how in vers=4.2 vers=3,nolock; do
	mount -t nfs -o "$how" 127.0.0.1:/srv/store /home/tester/nfs 2>/tmp/story
	report $? "$how: the server's folder can be mounted" /tmp/story
	expect "$how: doctor foretells that run works" true foretold run --root /home/tester/nfs/store
	expect "$how: and with the built-in overlay" fuse foretold driver --root /home/tester/nfs/store
	on_nfs import /home/tester/busybox.tar busybox >/dev/null
	expect "$how: so it is" fine on_nfs run --name c busybox sh -c 'echo fine >/f && rm -r /tmp /etc/passwd && cat /f'
	expect "$how: with that driver" fuse on_nfs inspect --format '{{.GraphDriver.Name}}' c
	expect "$how: a container keeps its files" fine in_session sh -c 'sbx --root /home/tester/nfs/store start -a c >/dev/null; sbx --root /home/tester/nfs/store cp c:/f - | tar -xO'
	refuses "$how: files of others cannot be given away, and the message says what to do" "E-STORE-OWNERS.*SBX_USERNS=single" on_nfs import /home/tester/owned.tar owned
	SBX_USERNS=single
	export SBX_USERNS
	on_nfs import /home/tester/owned.tar owned >/dev/null 2>/tmp/said
	kept="5,7 8" # as metadata, where there is a place for it
	[ "$how" = vers=4.2 ] || kept="0,0 0"
	expect "$how: with one id they are $kept" "$kept" on_nfs run --rm owned sh -c 'stat -c %u,%g /file >/t; chown 8 /file; stat -c %u /file >>/t; xargs echo </t'
	unset SBX_USERNS
	[ "$how" = vers=4.2 ] || grep -q "no extended attributes: the owners of files in the image are lost" /tmp/said
	report $? "$how: and what is lost is said" /tmp/said
	printf 'FROM busybox\nRUN echo fine >/f\nCMD cat /f\n' >/tmp/Dockerfile
	expect "$how: an image can be built" fine in_session sh -c 'sbx --root /home/tester/nfs/store build -q -t own - </tmp/Dockerfile >/dev/null && sbx --root /home/tester/nfs/store run --rm own'
	on_nfs system reset -f >/dev/null
	umount /home/tester/nfs 2>/tmp/story
	report $? "$how: nothing holds it" /tmp/story
done
systemctl stop nfs-server
