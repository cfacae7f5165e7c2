/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chooses, caches and compiles filters. The default costs a copy of 4 KB; libseccomp is only ever
 * linked by the helper, which reads the profile on stdin and needs no file access.
 *
 * The cache is trusted because its directory is: 0700 and ours, checked at every use. The file's name
 * covers everything the filter depends on, so an entry is never stale.
 */
#include "policy/filter.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/own.h"
#include "base/sha256.h"
#include "base/spawn.h"
#include "base/xalloc.h"
#include "policy/caps.h"
#include "seccomp-default.h"

#define PROFILE_MAX (1024 * 1024)
#define CACHE_SEED  "sbx seccomp cache 1 " SBX_VERSION /* another compiler may make other code */
#define FILTER_MAX  (BPF_MAXINSNS * sizeof(struct sock_filter))

const char *policy_call_name(int nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(call_names); i++)
		if (call_names[i].nr == nr)
			return call_names[i].name;
	return NULL;
}

struct text {
	const char *data;
	size_t len;
};

int filter_check(const void *data, size_t len, unsigned short *ret_len, struct err *err)
{
	if (!data || len == 0 || len % sizeof(struct sock_filter) != 0 || len > FILTER_MAX)
		return err_set(err, -EINVAL, "%zu bytes are no seccomp filter", len);
	*ret_len = (unsigned short)(len / sizeof(struct sock_filter));
	return 0;
}

static int cache_name(
	const struct text *profile, uint64_t caps, char ret[SHA256_HEX + 4], struct err *err)
{
	autobuf struct buf key = BUF_INIT;
	struct utsname uts;
	char hex[SHA256_HEX];

	if (uname(&uts) < 0)
		return err_sys(err, "uname");
	buf_addf(&key, "%s %s %s %llx\n", CACHE_SEED, uts.machine, uts.release,
		(unsigned long long)caps);
	buf_add(&key, profile->data, profile->len);
	sha256_hex(key.data, key.len, hex);
	snprintf(ret, SHA256_HEX + 4, "%s.bpf", hex);
	return 0;
}

static int open_cache(const struct globals *globals, struct err *err)
{
	autofree char *parent = xasprintf("%s/cache", globals->root);
	autofree char *path = xasprintf("%s/seccomp", parent);

	TRY(fs_mkdirs(parent, 0700, err));
	return fs_open_private_dir(path, err);
}

static int memory_file(const char *name, struct err *err)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	return fd < 0 ? err_sys(err, "memfd_create") : fd;
}

/* Everything in the memory file, NUL-terminated. */
static int read_back(int fd, size_t max, char **ret, size_t *ret_len, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "stat the helper's output");
	size_t len = st.st_size < (off_t)max ? (size_t)st.st_size : max;
	autofree char *data = xmalloc(len + 1);
	if (pread(fd, data, len, 0) != (ssize_t)len)
		return err_sys(err, "read the helper's output");
	data[len] = '\0';
	*ret = move_ptr(&data);
	*ret_len = len;
	return 0;
}

/* The helper said why on its stderr: that line, without its own prefix, becomes ours. */
static int compile_failed(int said, struct err *err)
{
	autofree char *text = NULL;
	size_t len = 0;

	TRY(read_back(said, 400, &text, &len, err));
	text[strcspn(text, "\n")] = '\0';
	const char *why = strncmp(text, "sbx-seccomp: ", 13) == 0 ? text + 13 : text;
	return err_set(err, -EINVAL, "%s", *why ? why : "sbx-seccomp failed without a word");
}

static int compile(
	const struct text *profile, uint64_t caps, char **ret, size_t *ret_len, struct err *err)
{
	autofree char *helper = NULL, *hex = xasprintf("%llx", (unsigned long long)caps);
	char name[] = "sbx-seccomp", option[] = "--caps";
	char *argv[] = { name, option, hex, NULL };
	autofd int in = memory_file("seccomp-profile", err);
	autofd int out = in < 0 ? in : memory_file("seccomp-filter", err);
	autofd int said = out < 0 ? out : memory_file("seccomp-errors", err);

	TRY(said);
	TRY(spawn_find_helper(name, &helper, err));
	TRY(fs_write_all(in, profile->data, profile->len, err));
	if (lseek(in, 0, SEEK_SET) < 0)
		return err_sys(err, "rewind the profile");
	const struct spawn_fd fds[] = { { in, 0 }, { out, 1 }, { said, 2 } };
	const struct spawn spawn = {
		.path = helper, .argv = argv, .fds = fds, .n_fds = ARRAY_SIZE(fds)
	};
	int status = spawn_run(&spawn, err);
	TRY(status);
	if (status != 0)
		return compile_failed(said, err);
	return read_back(out, FILTER_MAX + 1, ret, ret_len, err);
}

static int cached_filter(const struct globals *globals, const struct text *profile,
	struct policy *policy, struct err *err)
{
	char name[SHA256_HEX + 4];
	struct err ignored = ERR_INIT;
	autofree char *data = NULL;
	size_t len = 0;

	TRY(cache_name(profile, policy->caps, name, err));
	autofd int cache = open_cache(globals, err);
	TRY(cache);
	bool hit = fs_read_at(cache, name, FILTER_MAX, &data, &len, &ignored) >= 0 &&
		   filter_check(data, len, &policy->filter_len, &ignored) >= 0;
	if (!hit) { /* missing or damaged: make it again */
		free(move_ptr(&data));
		TRY(compile(profile, policy->caps, &data, &len, err));
		TRY(filter_check(data, len, &policy->filter_len, err));
		TRY(fs_write_at(cache, name, data, len, FS_NOSYNC, err));
	}
	policy->filter = xmemdup(data, len);
	return 0;
}

static bool is_edited(const struct filter_wish *wish)
{
	return wish->edits->deny.n || wish->edits->allow.n || wish->edits->only.n;
}

static int composed_filter(const struct globals *globals, const struct text *profile,
	const struct filter_wish *wish, struct policy *policy, struct err *err)
{
	autobuf struct buf made = BUF_INIT;

	if (!is_edited(wish))
		return cached_filter(globals, profile, policy, err);
	TRY(profile_compose(profile->data, profile->len, wish->edits, &made, err));
	const struct text text = { made.data, made.len };
	return cached_filter(globals, &text, policy, err);
}

/* A pipe as well: seccomp=<(cmd) arrives as /dev/fd/63. */
static int read_profile(const char *path, char **ret, size_t *ret_len, struct err *err)
{
	autofd int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "open '%s'", path);
	return fs_read_fd(fd, path, PROFILE_MAX, ret, ret_len, err);
}

static int file_filter(const struct globals *globals, const struct filter_wish *wish,
	struct policy *policy, struct err *err)
{
	autofree char *data = NULL;
	size_t len = 0;

	if (read_profile(wish->file, &data, &len, err) < 0)
		return err_wrap(err, "opening seccomp profile (%s) failed", wish->file);
	const struct text profile = { .data = data, .len = len };
	if (composed_filter(globals, &profile, wish, policy, err) < 0)
		return err_wrap(err, "seccomp profile %s", wish->file);
	return 0;
}

int filter_choose(const struct globals *globals, const struct filter_wish *wish,
	struct policy *policy, struct err *err)
{
	const struct text builtin = { (const char *)default_profile, sizeof(default_profile) };

	if (wish->file)
		return file_filter(globals, wish, policy, err);
	if (policy->caps != CAPS_DEFAULT || is_edited(wish))
		return composed_filter(globals, &builtin, wish, policy, err);
	policy->filter = xmemdup(default_filter, sizeof(default_filter));
	policy->filter_len = ARRAY_SIZE(default_filter);
	return 0;
}
