/* SPDX-License-Identifier: Apache-2.0 */
/* Also run with openat2 denied (suite unit, "base/fs without openat2"): the walk must answer alike. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"

/* root/ with links that try to leave, beside a file that must stay out of reach. */
static int make_root(void **state)
{
	int r = harness_scratch(state);
	struct scratch *dir = *state;

	if (r < 0)
		return r;
	scratch_write(dir, "outside", "secret");
	scratch_mkdir(dir, "root");
	scratch_mkdir(dir, "root/dir");
	scratch_write(dir, "root/dir/file", "inside");
	scratch_write(dir, "root/outside", "mine");
	if (symlinkat("../outside", dir->fd, "root/up") < 0 ||
		symlinkat("/outside", dir->fd, "root/absolute") < 0 ||
		symlinkat("dir", dir->fd, "root/link") < 0 ||
		symlinkat("loop", dir->fd, "root/loop") < 0 ||
		symlinkat("/../../dir/./../dir/file", dir->fd, "root/winding") < 0 ||
		symlinkat("nowhere", dir->fd, "root/dangling") < 0 ||
		symlinkat("dir/file", dir->fd, "root/tofile") < 0)
		return -1;
	return 0;
}

static int root_of(const struct scratch *dir)
{
	int fd = openat(dir->fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void check_content(const struct scratch *dir, const char *path, const char *wanted)
{
	autofd int root = root_of(dir);
	struct err err = ERR_INIT;
	autofd int fd = fs_open_in(root, path, O_RDONLY, 0, &err);
	char text[32] = "";

	if (fd < 0)
		print_message("# %s: %s\n", path, err.text);
	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	assert_string_equal(text, wanted);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static void every_way_out_ends_inside(void **state)
{
	static const char *const to_mine[] = { "outside", "/outside", "../outside",
		"/../../outside", "up", "absolute", "dir/../../../outside", "link/../outside" };
	static const char *const to_file[] = { "dir/file", "link/file", "winding", "dir//./file",
		"/link/./../dir/file", "tofile" };

	for (size_t i = 0; i < ARRAY_SIZE(to_mine); i++)
		check_content(*state, to_mine[i], "mine");
	for (size_t i = 0; i < ARRAY_SIZE(to_file); i++)
		check_content(*state, to_file[i], "inside");
}

static void failures_have_the_kernels_errno(void **state)
{
	static const struct {
		const char *path;
		int flags, code;
	} cases[] = {
		{ "missing", O_RDONLY, -ENOENT },
		{ "missing/file", O_RDONLY, -ENOENT },
		{ "dir/file/x", O_RDONLY, -ENOTDIR },
		{ "dir/file/", O_RDONLY, -ENOTDIR },
		{ "loop", O_RDONLY, -ELOOP },
		{ "loop/x", O_RDONLY, -ELOOP },
		{ "link", O_RDONLY | O_NOFOLLOW, -ELOOP },
		{ "dangling", O_RDONLY, -ENOENT },
		{ "dir", O_WRONLY, -EISDIR },
		{ "tofile", O_WRONLY | O_CREAT | O_EXCL, -EEXIST },
	};
	autofd int root = root_of(*state);
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = fs_open_in(root, cases[i].path, cases[i].flags, 0644, &err);

		if (r != cases[i].code)
			print_message("# %s\n", cases[i].path);
		assert_int_equal(r, cases[i].code);
	}
}

static void creating_through_a_link_stays_inside(void **state)
{
	struct scratch *dir = *state;
	autofd int root = root_of(dir);
	struct err err = ERR_INIT;
	autofd int one = -EBADF, two = -EBADF;
	struct stat st;

	assert_int_equal(symlinkat("../../escaped", dir->fd, "root/evil"), 0);
	one = fs_open_in(root, "evil", O_WRONLY | O_CREAT, 0640, &err);
	assert_true(one >= 0);
	assert_int_equal(fstatat(dir->fd, "root/escaped", &st, 0), 0);
	assert_int_equal(fstatat(dir->fd, "escaped", &st, 0), -1);
	two = fs_open_in(root, "/link/new", O_WRONLY | O_CREAT | O_EXCL, 0600, &err);
	assert_true(two >= 0);
	assert_int_equal(fstatat(dir->fd, "root/dir/new", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void directories_are_made_inside(void **state)
{
	struct scratch *dir = *state;
	autofd int root = root_of(dir);
	struct err err = ERR_INIT;
	autofd int fd = fs_mkdirs_in(root, "/link/a//b/c/", 0750, &err);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstatat(dir->fd, "root/dir/a/b/c", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(fs_mkdirs_in(root, "dangling/x", 0755, &err), -ENOENT);
	assert_int_equal(fs_mkdirs_in(root, "dir/file/x", 0755, &err), -ENOTDIR);
}

static void targets_are_made_of_the_wanted_kind(void **state)
{
	struct scratch *dir = *state;
	autofd int root = root_of(dir);
	struct err err = ERR_INIT;
	autofd int file = fs_target_in(root, "/etc/redis/redis.conf", false, &err);
	autofd int folder = fs_target_in(root, "/srv/data", true, &err);
	autofd int old = fs_target_in(root, "dir/file", false, &err);
	struct stat st;

	assert_true(file >= 0 && folder >= 0 && old >= 0);
	assert_int_equal(fstatat(dir->fd, "root/etc/redis/redis.conf", &st, 0), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(fstatat(dir->fd, "root/srv/data", &st, 0), 0);
	assert_true(S_ISDIR(st.st_mode));
	check_content(dir, "dir/file", "inside");
}

static void whole_files_are_read_up_to_a_limit(void **state)
{
	struct scratch *dir = *state;
	struct err err = ERR_INIT;
	char *text = NULL;
	size_t len = 0;

	assert_int_equal(fs_read_at(dir->fd, "outside", 6, &text, &len, &err), 0);
	assert_int_equal(len, 6);
	assert_string_equal(text, "secret");
	free(text);
	text = NULL;
	assert_int_equal(fs_read_at(dir->fd, "outside", 5, &text, &len, &err), -EFBIG);
	assert_null(text);
	assert_int_equal(fs_read_at(dir->fd, "root", 5, &text, &len, &err), -EINVAL);
	assert_int_equal(mkfifoat(dir->fd, "pipe", 0600), 0);
	assert_int_equal(fs_read_at(dir->fd, "pipe", 5, &text, &len, &err), -EINVAL);
	assert_int_equal(fs_read_at(AT_FDCWD, "/proc/self/status", 1 << 16, &text, NULL, &err), 0);
	assert_non_null(strstr(text, "Pid:"));
	free(text);
}

static void pipes_are_read_to_their_end(void **state)
{
	struct err err = ERR_INIT;
	char *text = NULL;
	size_t len = 0;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "a\0b", 3), 3);
	close(ends[1]);
	assert_int_equal(fs_read_fd(ends[0], "the pipe", 3, &text, &len, &err), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(text, "a\0b", 4);
	free(text);
	close(ends[0]);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "abcd", 4), 4);
	assert_int_equal(fs_read_fd(ends[0], "the pipe", 3, &text, &len, &err), -EFBIG);
	assert_string_equal(err.text, "'the pipe' is larger than 3 bytes");
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(fs_read_fd(-EBADF, "none", 3, &text, &len, &err), -EBADF);
}

static void files_are_replaced_whole(void **state)
{
	struct scratch *dir = *state;
	struct err err = ERR_INIT;
	char *text;
	struct stat st;

	assert_int_equal(fs_write_at(dir->fd, "f", "one", 3, FS_SYNC, &err), 0);
	assert_int_equal(fs_write_at(dir->fd, "f", "second", 6, FS_NOSYNC, &err), 0);
	text = scratch_read(dir, "f");
	assert_string_equal(text, "second");
	free(text);
	assert_int_equal(fstatat(dir->fd, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(fs_write_at(dir->fd, "missing/f", "x", 1, FS_NOSYNC, &err) < 0);
}

static void a_private_directory_is_really_private(void **state)
{
	struct scratch *dir = *state;
	struct err err = ERR_INIT;
	char path[400];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/new/private", dir->path);
	fd = fs_open_private_dir(path, &err);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	close(fd);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(fs_open_private_dir(path, &err), -EPERM);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("..", path), 0);
	assert_true(fs_open_private_dir(path, &err) < 0);
	assert_int_equal(geteuid() == 0 ? -EPERM : fs_open_private_dir("/", &err), -EPERM);
}

static void a_lock_excludes(void **state)
{
	struct scratch *dir = *state;
	struct err err = ERR_INIT;
	autofd int held = fs_lock_at(dir->fd, "lock", true, &err);
	autofd int other = openat(dir->fd, "lock", O_RDWR | O_CLOEXEC);

	assert_true(held >= 0 && other >= 0);
	assert_int_equal(flock(other, LOCK_SH | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	fd_drop(&held);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
}

static void full_disks_are_named_by_their_kind(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	errno = EDQUOT;
	assert_int_equal(fs_err(&err, -1, "layer"), -EDQUOT);
	assert_string_equal(err.id, "E-QUOTA");
	errno = ENOSPC;
	assert_int_equal(fs_err(&err, -1, "layer"), -ENOSPC);
	assert_string_equal(err.id, "E-DISK-FULL");
	errno = EACCES;
	assert_int_equal(fs_err(&err, -1, "layer"), -EACCES);
	assert_string_equal(err.id, "");
}

#define IN_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, harness_scratch_done)

TEST_MAIN(IN_ROOT(every_way_out_ends_inside), IN_ROOT(failures_have_the_kernels_errno),
	IN_ROOT(creating_through_a_link_stays_inside), IN_ROOT(directories_are_made_inside),
	IN_ROOT(targets_are_made_of_the_wanted_kind), IN_ROOT(whole_files_are_read_up_to_a_limit),
	IN_ROOT(pipes_are_read_to_their_end), IN_ROOT(files_are_replaced_whole),
	IN_ROOT(a_private_directory_is_really_private), IN_ROOT(a_lock_excludes),
	cmocka_unit_test(full_disks_are_named_by_their_kind))
