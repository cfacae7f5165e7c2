/* SPDX-License-Identifier: Apache-2.0 */
/* Plans are compared in the words of --dry-run. */
#include "rootfs/rootfs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "harness.h"

struct plan_fixture {
	struct globals globals;
	struct run_opts opts;
	struct image image;
	struct policy policy;
	struct rootfs_input input;
};

static void start(struct plan_fixture *f)
{
	*f = (struct plan_fixture){ .globals = { .root = (char *)"/store" },
		.opts = { .shm_size = -1 } };
	f->input = (struct rootfs_input){ .globals = &f->globals,
		.opts = &f->opts,
		.image = &f->image,
		.policy = &f->policy,
		.container = "/store/containers/c1",
		.run_dir = "/run/c1",
		.id = "c1",
		.driver = DRIVER_OVERLAY };
	strv_add(&f->image.layers, "/store/layers/a");
	strv_add(&f->policy.masked, "/proc/kcore");
	strv_add(&f->policy.read_only, "/proc/sys");
}

static void finish(struct plan_fixture *f)
{
	strv_done(&f->image.layers);
	strv_done(&f->image.volumes);
	strv_done(&f->policy.masked);
	strv_done(&f->policy.read_only);
}

static char *planned(struct plan_fixture *f, int want)
{
	struct rootfs rootfs = ROOTFS_INIT;
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(rootfs_plan(&f->input, &rootfs, &err), want);
	if (want == 0)
		rootfs_print(&rootfs, &text);
	else
		buf_adds(&text, err.text);
	rootfs_done(&rootfs);
	return buf_steal(&text);
}

static void before(const char *text, const char *first, const char *second)
{
	const char *a = strstr(text, first), *b = strstr(text, second);

	assert_non_null(a);
	assert_non_null(b);
	assert_true(a < b);
}

static void every_container_has_the_kernels_file_systems(void **state)
{
	static const char *const lines[] = { "layer /store/layers/a\nroot / from overlay\n",
		"proc /proc from proc\n", "sysfs /sys from sysfs\n", "tmpfs /dev from tmpfs",
		"device /dev/null from /dev/null\n", "device /dev/urandom from /dev/urandom\n",
		"symlink /dev/fd from /proc/self/fd\n", "devpts /dev/pts", "gid=5",
		"mqueue /dev/mqueue", "tmpfs /dev/shm from tmpfs (mode=1777,size=67108864)\n",
		"bind /etc/hosts from /run/c1/hosts\n", "mask /proc/kcore\n",
		"read-only /proc/sys\n" };
	struct plan_fixture f;
	char *text;

	start(&f);
	text = planned(&f, 0);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		if (!strstr(text, lines[i]))
			print_message("# missing: %s\n", lines[i]);
		assert_non_null(strstr(text, lines[i]));
	}
	before(text, "root /", "proc /proc");
	before(text, "tmpfs /dev from", "device /dev/null");
	before(text, "bind /etc/hosts", "mask /proc/kcore");
	assert_null(strstr(text, "root-read-only"));
	free(text);
	finish(&f);
}

static void mounts_are_ordered_by_depth_and_beat_the_images_volumes(void **state)
{
	struct volume volumes[] = {
		{ .type = VOLUME_BIND,
			.source = (char *)"/h/b",
			.destination = (char *)"/a/b",
			.read_only = true },
		{ .type = VOLUME_NAMED, .source = (char *)"vol", .destination = (char *)"/a" },
		{ .type = VOLUME_TMPFS,
			.destination = (char *)"/t",
			.tmpfs_options = (char *)"size=1m" },
	};
	struct plan_fixture f;
	char *text;

	start(&f);
	f.opts.volumes = volumes;
	f.opts.n_volumes = 3;
	strv_add(&f.image.volumes, "/a");
	strv_add(&f.image.volumes, "/data");
	text = planned(&f, 0);
	before(text, "volume /a from /store/volumes/vol/_data\n", "bind /a/b from /h/b ro\n");
	assert_non_null(strstr(text, "tmpfs /t from tmpfs (size=1m)\n"));
	assert_non_null(strstr(text, "volume /data from /store/volumes/"));
	assert_null(strstr(strstr(text, "volume /a ") + 1, "volume /a "));
	free(text);
	finish(&f);
}

static void an_anonymous_volume_keeps_its_name_when_planned_again(void **state)
{
	struct plan_fixture f;
	char *first, *second, *other;

	start(&f);
	strv_add(&f.image.volumes, "/data");
	first = planned(&f, 0);
	second = planned(&f, 0);
	f.input.id = "c2";
	other = planned(&f, 0);
	assert_string_equal(first, second);
	assert_string_not_equal(first, other);
	free(first);
	free(second);
	free(other);
	finish(&f);
}

static void destinations_of_the_kernel_and_the_root_are_refused(void **state)
{
	static const char *const bad[] = { "/", "/proc", "/proc/self/fd", "/sys/firmware",
		"relative" };
	struct plan_fixture f;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct volume volume = {
			.type = VOLUME_BIND, .source = (char *)"/h", .destination = (char *)bad[i]
		};
		char *text;

		start(&f);
		f.opts.volumes = &volume;
		f.opts.n_volumes = 1;
		text = planned(
			&f, strncmp(bad[i], "/proc", 5) == 0 || strncmp(bad[i], "/sys", 4) == 0
				    ? -EPERM
				    : -EINVAL);
		assert_non_null(strstr(text, bad[i]));
		free(text);
		finish(&f);
	}
}

static void two_mounts_at_one_place_are_refused(void **state)
{
	struct volume volumes[] = {
		{ .type = VOLUME_BIND, .source = (char *)"/h", .destination = (char *)"/a" },
		{ .type = VOLUME_TMPFS, .destination = (char *)"/a" },
	};
	struct plan_fixture f;
	char *text;

	start(&f);
	f.opts.volumes = volumes;
	f.opts.n_volumes = 2;
	text = planned(&f, -EEXIST);
	assert_string_equal(text, "Duplicate mount point: /a");
	free(text);
	finish(&f);
}

static void a_users_own_hosts_file_is_not_shadowed(void **state)
{
	struct volume volume = { .type = VOLUME_BIND,
		.source = (char *)"/h/hosts",
		.destination = (char *)"/etc/hosts" };
	struct plan_fixture f;
	char *text;

	start(&f);
	f.opts.volumes = &volume;
	f.opts.n_volumes = 1;
	f.opts.read_only = true;
	f.input.no_tty_gid = true;
	f.input.host_network = true;
	text = planned(&f, 0);
	assert_non_null(strstr(text, "bind /etc/hosts from /h/hosts\n"));
	assert_null(strstr(text, "/run/c1/hosts"));
	assert_null(strstr(text, "gid=5"));
	assert_non_null(strstr(text, "sysfs /sys from /sys\n"));
	assert_non_null(strstr(text, "root-read-only /\n"));
	free(text);
	finish(&f);
}

/* The builder's contexts: mounted by a name, which somebody may give to another directory meanwhile. */
static void a_pinned_source_is_that_directory_or_an_error(void **state)
{
	struct scratch *dir = *state;
	struct plan_fixture f;
	struct rootfs rootfs = ROOTFS_INIT;
	struct err err = ERR_INIT;
	struct volume volume = { .type = VOLUME_BIND, .destination = (char *)"/m" };
	int *sources = NULL;
	char away[400];
	struct stat st;

	start(&f);
	volume.source = xasprintf("%s/d", dir->path);
	snprintf(away, sizeof(away), "%s/away", dir->path);
	assert_int_equal(mkdir(volume.source, 0700), 0);
	assert_int_equal(stat(volume.source, &st), 0);
	volume.pinned = (struct pinned){ true, st.st_dev, st.st_ino };
	f.opts.volumes = &volume;
	f.opts.n_volumes = 1;
	assert_int_equal(rootfs_plan(&f.input, &rootfs, &err), 0);
	for (size_t i = 0; i < rootfs.n_ops; i++) /* devices, hosts and the like are not there */
		if (strcmp(rootfs.ops[i].target, "/m") != 0)
			rootfs.ops[i].kind = OP_ROOT;
	assert_int_equal(rootfs_open_sources(&rootfs, &sources, &err), 0);
	for (size_t i = 0; i < rootfs.n_ops; i++)
		if (sources[i] >= 0)
			assert_int_equal(close(sources[i]), 0);
	free(sources);
	assert_int_equal(rename(volume.source, away), 0);
	assert_int_equal(mkdir(volume.source, 0700), 0);
	assert_int_equal(rootfs_open_sources(&rootfs, &sources, &err), -ESTALE);
	assert_non_null(strstr(err.text, "another in its place"));
	rootfs_done(&rootfs);
	free(volume.source);
	finish(&f);
}

TEST_MAIN(cmocka_unit_test(every_container_has_the_kernels_file_systems),
	cmocka_unit_test(mounts_are_ordered_by_depth_and_beat_the_images_volumes),
	cmocka_unit_test(an_anonymous_volume_keeps_its_name_when_planned_again),
	cmocka_unit_test(destinations_of_the_kernel_and_the_root_are_refused),
	cmocka_unit_test(two_mounts_at_one_place_are_refused),
	cmocka_unit_test(a_users_own_hosts_file_is_not_shadowed),
	cmocka_unit_test_setup_teardown(a_pinned_source_is_that_directory_or_an_error,
		harness_scratch, harness_scratch_done))
