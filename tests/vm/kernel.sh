# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2016,SC2154 # what stands in quotes is for the shell inside; tap.sh and inside.sh set the rest
# What must work on every kernel, and where doctor must foretell the driver: the kernel's overlay for users came with 5.11.
case $release in
4.* | 5.[0-9].* | 5.10.*) driver=fuse ;;
*) driver=overlay ;;
esac
expect "doctor foretells that run works" true foretold run
expect "doctor foretells the driver $driver" $driver foretold driver
expect "run works on this kernel" fine in_session sbx run --rm busybox echo fine
in_session sbx run -d --name aside --init busybox sleep 1000 >/dev/null
expect "the driver is $driver by itself" $driver in_session sbx inspect --format '{{.GraphDriver.Name}}' aside
expect "exec runs in it" "0 aside" in_session sh -c 'sbx exec aside sh -c "echo \$(id -u) aside"'
expect "cp brings a file in and out" fine in_session sh -c 'echo fine >/tmp/cp && sbx cp /tmp/cp aside:/cp && sbx cp aside:/cp - | tar -xO'
expect "stop and start keep its files" fine in_session sh -c 'sbx stop -t 5 aside >/dev/null && sbx start aside >/dev/null && sbx exec aside cat /cp'
expect "commit makes an image of it" fine in_session sh -c 'sbx commit aside kept >/dev/null && sbx run --rm kept cat /cp'
in_session sbx rm -f aside >/dev/null
expect "run works with the fuse driver" fine in_session sbx run --rm --storage-driver fuse busybox sh -c 'mkdir /d && rm -r /home /d; ln /bin/busybox /b && cmp /b /bin/busybox && echo fine'
if [ $driver = overlay ]; then
	expect "run works with the kernel's overlay" fine in_session sbx run --rm --storage-driver overlay busybox sh -c 'mkdir /d && rm -r /home /d; ln /bin/busybox /b && cmp /b /bin/busybox && echo fine'
else
	refuses "the kernel's overlay is refused with the way out" "storage-driver fuse\|storage-driver auto" in_session sbx run --rm --storage-driver overlay busybox true
fi
in_session sbx run -d --name web -p 8080:80 busybox nc -l -p 80 -e echo hello >/dev/null
expect "a published port leads into the container" hello sh -c 'for i in $(seq 50); do busybox nc -w 5 127.0.0.1 8080 </dev/null | grep hello && exit; sleep 0.2; done'
in_session sbx rm -f web >/dev/null
in_session sbx network create lan >/dev/null
in_session sbx run -d --name server --network lan busybox sh -c 'echo fine >/tmp/index.html; exec httpd -f -p 80 -h /tmp' >/dev/null
expect "containers of a network know each other by name" fine in_session sh -c 'for i in $(seq 30); do sbx run --rm --network lan busybox wget -qO- http://server/ && exit; sleep 0.3; done'
in_session sbx rm -f server >/dev/null
mkdir -p /tmp/context
printf 'FROM busybox\nRUN mkdir /made && echo fine >/made/f && chown 5:5 /made/f\nCOPY --chown=7 copied /made/c\nRUN stat -c %%u /made/f /made/c >/made/owners\nCMD cat /made/f\n' >/tmp/context/Dockerfile
echo copied >/tmp/context/copied
chmod -R a+rX /tmp/context
expect "an image can be built" fine in_session sh -c 'sbx build -q -t built /tmp/context >/dev/null && sbx run --rm built'
expect "its files have their owners" "5 7" in_session sh -c 'echo $(sbx run --rm built cat /made/owners)'
expect "the policy untrusted holds" "denied" in_session sbx run --rm --policy untrusted busybox sh -c 'touch /f 2>/dev/null || echo denied'
mkdir -p /home/tester/w && chown tester: /home/tester/w
expect "files of -u on a bind mount are the caller's" tester in_session sh -c 'sbx run --rm -u 999 -v /home/tester/w:/w busybox touch /w/f && stat -c %U /home/tester/w/f'
expect "squash works on this kernel" tester in_session sh -c 'sbx run --rm -v /home/tester/w:/w:squash busybox sh -c "touch /w/g; chown 999 /w/g" && stat -c %U /home/tester/w/g'
expect "one id is enough" fine in_session env SBX_USERNS=single sbx run --rm busybox echo fine
truncate -s 64m /tmp/quota.img
mkdir -p /home/tester/q
modprobe -a loop quota_v2
/usr/sbin/mkfs.ext4 -q -O quota -E quotatype=usrquota /tmp/quota.img && mount -o loop,usrquota /tmp/quota.img /home/tester/q
chown tester: /home/tester/q
setquota -u tester 30000 30000 0 0 /home/tester/q
head -c 20000000 /dev/zero >/tmp/zeros
tar -C /tmp -czf /tmp/zeros.tar.gz zeros
case $release in
4.* | 5.[0-9].* | 5.1[0-3].*) words="E-QUOTA" ;; # told when it is hit
*) words="E-QUOTA: .* needs .* are left of your quota" ;;
esac
refuses "a quota is told from a full disk, before it is unpacked where the kernel can be asked" "$words" in_session env SBX_ROOT=/home/tester/q/s sbx import /tmp/zeros.tar.gz zeros
case $release in
4.* | 5.[0-9].* | 5.1[0-3].*) ;; # quotactl_fd(2) came with 5.14
*) expect "doctor foretells that a quota bounds the store" E-QUOTA store_lacks /home/tester/q/s ;;
esac
umount /home/tester/q
if grep -q CONFIG_TMPFS_QUOTA=y "/boot/config-$release"; then
	mount -t tmpfs -o usrquota,usrquota_block_hardlimit=12M,uid=1000,gid=1000,mode=755 quota /home/tester/q
	expect "a home on a tmpfs with a quota for each user: what fits runs" fine in_session env SBX_ROOT=/home/tester/q/s sh -c 'sbx import /home/tester/busybox.tar busybox >/dev/null && sbx run --rm busybox echo fine'
	refuses "what does not fit is told with what is left" "E-QUOTA: .* needs .* are left of your quota" in_session env SBX_ROOT=/home/tester/q/s sbx import /tmp/zeros.tar.gz zeros
	umount /home/tester/q
else
	skip "a home on a tmpfs with a quota for each user" "this kernel is built without CONFIG_TMPFS_QUOTA (Linux 6.6)"
fi
in_session sbx system check >/tmp/story 2>&1
report $? "nothing is wrong with the store" /tmp/story
expect "nothing is left running" "" in_session sh -c 'sbx network rm lan >/dev/null; sbx ps -aq'
