/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -v [SOURCE:]DESTINATION[:MODE] and --tmpfs. Docker's grammar with one addition: characters that look like
 * ':' or '/' or a blank but are not, and blanks around ':', are pointed at, because they are typed by
 * input methods and nearly never meant. --mount takes every path.
 * Pure but for getcwd() (sources that start with "."); whether a source exists is seen when mounting.
 */
#include "options/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/utf8.h"
#include "base/xalloc.h"

struct lookalike {
	const char *bytes;
	const char *name;
	char meant;
};

static const struct lookalike lookalikes[] = {
	{ "\xef\xbc\x9a", "U+FF1A FULLWIDTH COLON", ':' },
	{ "\xef\xb9\x95", "U+FE55 SMALL COLON", ':' },
	{ "\xef\xb8\x93", "U+FE13 VERTICAL COLON", ':' },
	{ "\xea\x9e\x89", "U+A789 MODIFIER LETTER COLON", ':' },
	{ "\xe2\x88\xb6", "U+2236 RATIO", ':' },
	{ "\xef\xbc\x8f", "U+FF0F FULLWIDTH SOLIDUS", '/' },
	{ "\xe2\x88\x95", "U+2215 DIVISION SLASH", '/' },
	{ "\xe3\x80\x80", "U+3000 IDEOGRAPHIC SPACE", ' ' },
	{ "\xc2\xa0", "U+00A0 NO-BREAK SPACE", ' ' },
	{ "\xe2\x80\x8b", "U+200B ZERO WIDTH SPACE", ' ' },
	{ "\xef\xbb\xbf", "U+FEFF BYTE ORDER MARK", ' ' },
};

static const struct lookalike *lookalike_at(const char *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(lookalikes); i++)
		if (strncmp(s, lookalikes[i].bytes, strlen(lookalikes[i].bytes)) == 0)
			return &lookalikes[i];
	return NULL;
}

#define USE_MOUNT "for a path that really has it use --mount"

/* Refuses the first character that was hardly meant; position counts characters from 1. */
static int check_characters(const char *value, struct err *err)
{
	int position = 1;

	for (const char *s = value; *s; position++) {
		const struct lookalike *odd = lookalike_at(s);
		size_t n = utf8_length(s, SIZE_MAX);
		bool edge = s == value || s[-1] == ':' || s[1] == ':' || !s[1];

		if (odd)
			return err_set(err, -EINVAL,
				"character %d, '%s' (%s), is not '%c'; " USE_MOUNT, position,
				odd->bytes, odd->name, odd->meant);
		if (*s == ' ' && edge)
			return err_set(err, -EINVAL,
				"character %d is a blank next to ':' or at an end; " USE_MOUNT,
				position);
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return err_set(
				err, -EINVAL, "character %d is a control character", position);
		s += n ? n : 1;
	}
	return 0;
}

void volume_done(struct volume *volume)
{
	free(volume->source);
	free(volume->destination);
	free(volume->tmpfs_options);
	free(volume->subpath);
	json_free(volume->labels);
	json_free(volume->options);
	*volume = (struct volume){ 0 };
}

static bool one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

int parse_propagation(const char *word, struct volume *v, struct err *err)
{
	static const char *const private[] = { "private", "rprivate", NULL };
	static const char *const slave[] = { "slave", "rslave", NULL };
	static const char *const shared[] = { "shared", "rshared", NULL };

	if (one_of(word, shared))
		return err_set(err, -EINVAL,
			"propagation '%s' needs root: the kernel lets no mount of a user namespace out to "
			"the host. rslave lets the host's mounts in",
			word);
	if (!one_of(word, private) && !one_of(word, slave))
		return err_set(err, -EINVAL, "invalid propagation mode: %s", word);
	v->slave = one_of(word, slave);
	return 0;
}

/* Words of MODE that have an answer but no effect of their own. */
static int explain_mode(const char *word, struct err *err)
{
	static const char *const impossible[] = { "suid", "dev", NULL };

	if (strcmp(word, "U") == 0)
		return err_set(err, -EINVAL,
			"mode U is not needed: what the container's user makes on a bind mount is yours "
			"already; for a program that changes its id later use squash");
	if (one_of(word, impossible))
		return err_set(err, -EINVAL,
			"mode '%s' needs root: without it every mount is nosuid and nodev", word);
	return err_set(err, -EINVAL, "invalid mode: %s", word);
}

/* One word of MODE. Without relabelling z and Z have nothing to do; consistency words are for
 * macOS; rprivate, nosuid and nodev are how every bind is mounted. */
static int parse_mode(const char *word, struct volume *v, struct err *err)
{
	static const char *const nothing[] = { "rw", "z", "Z", "consistent", "cached", "delegated",
		"exec", "nosuid", "nodev", "rbind", NULL };
	static const char *const propagation[] = { "private", "rprivate", "slave", "rslave",
		"shared", "rshared", NULL };

	if (strcmp(word, "ro") == 0)
		v->read_only = true;
	else if (strcmp(word, "nocopy") == 0 && v->type != VOLUME_BIND)
		v->no_copy = true;
	else if (strcmp(word, "squash") == 0 && v->type == VOLUME_BIND)
		v->squash = true;
	else if (strcmp(word, "noexec") == 0)
		v->no_exec = true;
	else if (strcmp(word, "bind") == 0 && v->type == VOLUME_BIND)
		v->not_recursive = true;
	else if (one_of(word, propagation) && v->type == VOLUME_BIND)
		return parse_propagation(word, v, err);
	else if (!one_of(word, nothing))
		return explain_mode(word, err);
	return 0;
}

static int parse_modes(char *modes, struct volume *v, struct err *err)
{
	char *rest = modes, *word;

	while ((word = strsep(&rest, ",")))
		TRY(parse_mode(word, v, err));
	return 0;
}

static int set_source(struct volume *v, const char *source, struct err *err)
{
	if (*source == '/' || *source == '.') {
		autofree char *path = NULL;

		TRY(absolute_source(source, &path, err));
		v->type = VOLUME_BIND;
		v->create_source = true;
		v->source = clean_path(path);
		return v->source ? 0
				 : err_set(err, -EINVAL, "'%s' leads above the root directory",
					   source);
	}
	if (!valid_name(source, 2))
		return err_set(err, -EINVAL,
			"\"%s\" includes invalid characters for a local volume name, only "
			"\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host "
			"directory, use absolute path",
			source);
	v->type = VOLUME_NAMED;
	v->source = xstrdup(source);
	return 0;
}

static int set_destination(struct volume *v, const char *path, struct err *err)
{
	if (*path != '/')
		return err_set(
			err, -EINVAL, "invalid mount path: '%s' mount path must be absolute", path);
	v->destination = clean_path(path);
	if (!v->destination)
		return err_set(err, -EINVAL, "invalid mount path: '%s' leads above '/'", path);
	if (!v->destination[1])
		return err_set(err, -EINVAL, "invalid specification: destination can't be '/'");
	return 0;
}

/* text is cut at its colons in place. */
static int parse_parts(char *text, struct volume *v, struct err *err)
{
	char *rest = text, *first = strsep(&rest, ":"), *second = strsep(&rest, ":");
	char *third = strsep(&rest, ":");

	if (rest)
		return err_set(err, -EINVAL, "too many colons");
	if (!*first || (second && !*second) || (third && !*third))
		return err_set(err, -EINVAL, "empty section between colons");
	v->type = VOLUME_ANONYMOUS;
	if (second)
		TRY(set_source(v, first, err));
	TRY(set_destination(v, second ? second : first, err));
	return third ? parse_modes(third, v, err) : 0;
}

int parse_volume(const char *value, struct volume *ret, struct err *err)
{
	autofree char *text = xstrdup(value);
	struct volume v = { 0 };
	int r = check_characters(value, err);

	if (r == 0)
		r = parse_parts(text, &v, err);
	if (r < 0) {
		volume_done(&v);
		return err_wrap(err, "invalid volume specification: '%s'", value);
	}
	*ret = v;
	return 0;
}

int parse_volumes_from(const char *value, struct err *err)
{
	static const char *const modes[] = { "ro", "rw", "z", "Z", NULL };
	const char *mode = strchr(value, ':');

	if (!*value || value == mode)
		return err_set(err, -EINVAL,
			"malformed 'volumes-from' specification: %s: no container", value);
	if (mode && !one_of(mode + 1, modes))
		return err_set(err, -EINVAL, "invalid mode: %s", mode + 1);
	return 0;
}

static int check_tmpfs_option(const char *word, struct err *err)
{
	static const char *const flags[] = { "ro", "rw", "exec", "noexec", "suid", "nosuid", "dev",
		"nodev", NULL };
	static const char *const keys[] = {
		"size=", "mode=", "uid=", "gid=", "nr_inodes=", "nr_blocks="
	};

	if (one_of(word, flags))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		size_t len = strlen(keys[i]);

		if (strncmp(word, keys[i], len) == 0 && word[len])
			return 0;
	}
	return err_set(err, -EINVAL, "invalid tmpfs option \"%s\"", word);
}

static int check_tmpfs_options(const char *options, struct err *err)
{
	autofree char *text = xstrdup(options);
	char *rest = text, *word;

	while ((word = strsep(&rest, ",")))
		TRY(check_tmpfs_option(word, err));
	return 0;
}

int parse_tmpfs(const char *value, struct volume *ret, struct err *err)
{
	autofree char *text = xstrdup(value);
	struct volume v = { .type = VOLUME_TMPFS };
	char *options = strchr(text, ':');
	int r;

	if (options)
		*options++ = '\0';
	r = set_destination(&v, text, err);
	if (r == 0 && options)
		r = check_tmpfs_options(options, err);
	if (r < 0) {
		volume_done(&v);
		return r;
	}
	v.tmpfs_options = options ? xstrdup(options) : NULL;
	*ret = v;
	return 0;
}
