/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <sys/mount.h>

#include "base/log.h"
#include "base/own.h"

const char options_help[] =
	"usage: sbx-fuse [OPTION]... -o lowerdir=A:B,upperdir=U,workdir=W[,...] MOUNTPOINT\n"
	"       sbx-fuse --fd N --lower A:B --upper U --work W\n"
	"\n"
	"Overlay file system in the on-disk format of the kernel's overlayfs (userxattr).\n"
	"\n"
	"  -o OPT[,OPT...]  lowerdir=, upperdir=, workdir=, ro, volatile, fsync=0, threads=N,\n"
	"                   writeback=0, single_id, eager (copy up at open),\n"
	"                   xdev (directories of lower layers do not move), redirect_dir=on (they\n"
	"                   move without a copy), and the usual mount options\n"
	"  -f               stay in the foreground\n"
	"  -d               print every request; implies -f\n"
	"  --fd N           /dev/fuse, opened and mounted by the caller\n"
	"  --squash DIR     instead of layers: DIR, where everybody has your rights (--uid, --gid shown)\n"
	"  --exit-fd N      end when the other side of this descriptor is closed\n"
	"  --ready-fd N     gets one byte when requests are served\n"
	"  -h, --help       this text\n"
	"  -V, --version    the version\n";

enum kind { WORD, NUMBER, FLAG, SWITCH, IGNORED };

struct option {
	const char *name;
	enum kind kind;
	size_t offset;
};

#define OPTION(name, kind, member)                           \
	{                                                    \
		name, kind, offsetof(struct options, member) \
	}

static const struct option long_options[] = {
	OPTION("fd", NUMBER, fd),
	OPTION("exit-fd", NUMBER, exit_fd),
	OPTION("ready-fd", NUMBER, ready_fd),
	OPTION("lower", WORD, lower),
	OPTION("upper", WORD, upper),
	OPTION("work", WORD, work),
	OPTION("squash", WORD, squash),
	OPTION("uid", NUMBER, uid),
	OPTION("gid", NUMBER, gid),
	OPTION("threads", NUMBER, threads),
	OPTION("volatile", FLAG, volatile_),
	OPTION("single-id", FLAG, single_id),
	OPTION("eager", FLAG, eager),
	OPTION("xdev", FLAG, xdev),
	OPTION("debug", FLAG, debug),
	OPTION("help", FLAG, help),
	OPTION("version", FLAG, version),
};

/* Options of fuse-overlayfs and of mount that change nothing here are taken in silence: what they
 * ask for is what always happens (allow_other, xino …), or tuning of another program. */
static const struct option mount_options[] = {
	OPTION("lowerdir", WORD, lower),
	OPTION("upperdir", WORD, upper),
	OPTION("workdir", WORD, work),
	OPTION("threads", NUMBER, threads),
	OPTION("volatile", FLAG, volatile_),
	OPTION("single_id", FLAG, single_id),
	OPTION("writeback", SWITCH, writeback),
	OPTION("eager", FLAG, eager),
	OPTION("xdev", FLAG, xdev),
	{ "allow_other", IGNORED, 0 },
	{ "allow_root", IGNORED, 0 },
	{ "default_permissions", IGNORED, 0 },
	{ "auto_unmount", IGNORED, 0 },
	{ "userxattr", IGNORED, 0 },
	{ "rw", IGNORED, 0 },
	{ "suid", IGNORED, 0 },
	{ "dev", IGNORED, 0 },
	{ "exec", IGNORED, 0 },
	{ "atime", IGNORED, 0 },
	{ "relatime", IGNORED, 0 },
	{ "defaults", IGNORED, 0 },
	{ "timeout", IGNORED, 0 },
	{ "threaded", IGNORED, 0 },
	{ "clone_fd", IGNORED, 0 },
	{ "max_write", IGNORED, 0 },
	{ "max_idle_threads", IGNORED, 0 },
	{ "fsname", IGNORED, 0 },
	{ "subtype", IGNORED, 0 },
	{ "context", IGNORED, 0 },
	{ "xino", IGNORED, 0 },
	{ "index", IGNORED, 0 },
	{ "metacopy", IGNORED, 0 },
	{ "noacl", IGNORED, 0 },
};

static const struct {
	const char *name;
	unsigned long flag;
} mount_flags[] = {
	{ "ro", MS_RDONLY },
	{ "nosuid", MS_NOSUID },
	{ "nodev", MS_NODEV },
	{ "noexec", MS_NOEXEC },
	{ "noatime", MS_NOATIME },
	{ "nodiratime", MS_NODIRATIME },
	{ "sync", MS_SYNCHRONOUS },
	{ "dirsync", MS_DIRSYNC },
};

static int parse_number(const char *name, const char *text, int *ret, struct err *err)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < 0 || n > INT_MAX)
		return err_set(err, -EINVAL, "%s: '%s' is not a number", name, text);
	*ret = (int)n;
	return 0;
}

static int store(
	struct options *options, const struct option *option, const char *value, struct err *err)
{
	char *member = (char *)options + option->offset;
	char *copy;
	int n = 0;

	switch (option->kind) {
	case WORD:
		if (!value || !*value)
			return err_set(err, -EINVAL, "%s needs a value", option->name);
		copy = strdup(value);
		if (!copy)
			return err_set(err, -ENOMEM, "out of memory");
		free(*(char **)(void *)member);
		*(char **)(void *)member = copy;
		return 0;
	case NUMBER:
	case SWITCH:
		if (!value)
			return err_set(err, -EINVAL, "%s needs a value", option->name);
		TRY(parse_number(option->name, value, &n, err));
		if (option->kind == NUMBER)
			*(int *)(void *)member = n;
		else
			*(bool *)member = n != 0;
		return 0;
	case FLAG:
		*(bool *)member = true;
		return 0;
	case IGNORED:
		return 0;
	}
	return 0;
}

static const struct option *find(const struct option *table, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

/* The words of the kernel's overlay. */
static int parse_redirect(struct options *options, const char *value, struct err *err)
{
	options->redirect_write = strcmp(value, "on") == 0;
	options->redirect = options->redirect_write || strcmp(value, "follow") == 0;
	if (!options->redirect && strcmp(value, "off") != 0 && strcmp(value, "nofollow") != 0)
		return err_set(err, -EINVAL,
			"redirect_dir is on, off, follow or nofollow, not '%s'", value);
	return 0;
}

static int parse_mount_option(struct options *options, char *text, struct err *err)
{
	char *value = strchr(text, '=');
	const struct option *option;

	if (value)
		*value++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(mount_flags); i++) {
		if (strcmp(mount_flags[i].name, text) == 0) {
			options->mount_flags |= mount_flags[i].flag;
			return 0;
		}
	}
	if (strcmp(text, "redirect_dir") == 0)
		return parse_redirect(options, value ? value : "", err);
	if (strcmp(text, "fsync") == 0) {
		options->volatile_ |= value && strcmp(value, "0") == 0;
		return 0;
	}
	option = find(mount_options, ARRAY_SIZE(mount_options), text);
	if (!option)
		return err_set(err, -EINVAL, "unknown mount option '%s'", text);
	return store(options, option, value, err);
}

/* Splits at commas; a backslash keeps the next byte, and itself before anything but a comma. */
static int parse_mount_options(struct options *options, const char *list, struct err *err)
{
	autofree char *copy = malloc(strlen(list) + 1);
	size_t len = 0;

	if (!copy)
		return err_set(err, -ENOMEM, "out of memory");
	for (const char *p = list;; p++) {
		if (*p && *p != ',') {
			if (*p == '\\' && p[1] == ',')
				p++;
			else if (*p == '\\' && p[1])
				copy[len++] = *p++;
			copy[len++] = *p;
			continue;
		}
		copy[len] = '\0';
		if (len)
			TRY(parse_mount_option(options, copy, err));
		len = 0;
		if (!*p)
			return 0;
	}
}

char *options_next_layer(char **list)
{
	char *start = *list, *to = start;

	if (!start)
		return NULL;
	for (char *p = start;; p++) {
		if (*p == '\\' && p[1])
			p++;
		else if (*p == ':' || !*p) {
			*list = *p ? p + 1 : NULL;
			*to = '\0';
			return start;
		}
		*to++ = *p;
	}
}

/* "--name=value" or "--name value"; *at moves over a value taken from the next word. */
static int parse_long(char **argv, int *at, struct options *options, struct err *err)
{
	autofree char *name = strdup(argv[*at] + 2);
	const struct option *option;
	const char *value = NULL;
	char *equals;

	if (!name)
		return err_set(err, -ENOMEM, "out of memory");
	equals = strchr(name, '=');
	if (equals) {
		*equals = '\0';
		value = equals + 1;
	}
	option = find(long_options, ARRAY_SIZE(long_options), name);
	if (!option)
		return err_set(err, -EINVAL, "unknown option '--%s'", name);
	if (!value && option->kind != FLAG && argv[*at + 1])
		value = argv[++*at];
	return store(options, option, value, err);
}

static int parse_short(char **argv, int *at, struct options *options, struct err *err)
{
	const char *arg = argv[*at];

	if (arg[1] == 'o') {
		const char *list = arg[2] ? arg + 2 : argv[++*at];

		if (!list)
			return err_set(err, -EINVAL, "-o needs a value");
		return parse_mount_options(options, list, err);
	}
	if (strcmp(arg, "-t") == 0 && argv[*at + 1]) {
		++*at; /* mount(8) tells its helper the type */
		return 0;
	}
	for (const char *p = arg + 1; *p; p++) {
		options->foreground |= *p == 'f' || *p == 'd';
		options->debug |= *p == 'd';
		options->help |= *p == 'h';
		options->version |= *p == 'V';
		if (!strchr("fdhVsnv", *p))
			return err_set(err, -EINVAL, "unknown option '-%c'", *p);
	}
	return 0;
}

/* mount(8) calls its helper with a source, which says nothing here, before the mount point. */
static int parse_word(const char *word, struct options *options, struct err *err)
{
	if (options->mountpoint && options->has_source)
		return err_set(err, -EINVAL, "more than one mount point: '%s' and '%s'",
			options->mountpoint, word);
	options->has_source = options->mountpoint != NULL;
	options->mountpoint = word;
	return 0;
}

static int check(const struct options *options, struct err *err)
{
	if (options->help || options->version)
		return 0;
	if (options->fd < 0 && !options->mountpoint)
		return err_set(err, -EINVAL, "no mount point is given");
	if (options->fd >= 0 && options->mountpoint)
		return err_set(err, -EINVAL, "--fd and a mount point exclude each other");
	if (options->squash)
		return options->fd < 0 || options->lower || options->upper
			       ? err_set(err, -EINVAL, "--squash goes with --fd and without layers")
			       : 0;
	if (!options->lower && !options->upper)
		return err_set(err, -EINVAL, "no layer is given (lowerdir=, upperdir=)");
	if (!options->upper != !options->work)
		return err_set(err, -EINVAL, "upperdir and workdir go together");
	if (options->threads < 1 || options->threads > 64)
		return err_set(err, -EINVAL, "threads must be between 1 and 64");
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret, struct err *err)
{
	*ret = (struct options){
		.fd = -1, .exit_fd = -1, .ready_fd = -1, .threads = 4, .writeback = true
	};
	for (int i = 1; i < argc; i++) {
		int r;

		if (strncmp(argv[i], "--", 2) == 0)
			r = parse_long(argv, &i, ret, err);
		else if (argv[i][0] == '-' && argv[i][1])
			r = parse_short(argv, &i, ret, err);
		else
			r = parse_word(argv[i], ret, err);
		if (r < 0)
			return r;
	}
	return check(ret, err);
}

void options_done(struct options *options)
{
	free(move_ptr(&options->squash));
	free(move_ptr(&options->lower));
	free(move_ptr(&options->upper));
	free(move_ptr(&options->work));
}
