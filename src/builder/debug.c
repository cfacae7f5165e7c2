/* SPDX-License-Identifier: Apache-2.0 */
/* What the parsers make of a file, for people and for comparing with other implementations' tests. */
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "builder/builder.h"
#include "builder/diagnose.h"
#include "builder/dockerfile.h"
#include "builder/ignore.h"
#include "builder/text.h"
#include "builder/words.h"
#include "image/image.h"

static int debug_dockerfile(const struct debug_input *in, struct buf *out, struct err *err)
{
	autodockerfile struct dockerfile file = { 0 };
	int r = dockerfile_parse(in->name, in->text, in->len, &file, err);

	if (r < 0) {
		diagnose(&file, file.fault, out);
		return r;
	}
	dockerfile_dump(&file, out);
	return 0;
}

/* "ENV name=value" sets a variable for the lines below; every other line is expanded, as one word and as
 * words, or shows its error. */
static void debug_words_line(const char *line, struct strv *env, struct buf *out)
{
	struct expansion how = { .escape = '\\', .env = env };
	autostrv struct strv words = STRV_INIT;
	autofree char *word = NULL;
	struct err bad = ERR_INIT;

	if (strncmp(line, "ENV ", 4) == 0) {
		strv_add(env, line + 4);
		return;
	}
	if (expand_word(&how, line, &word, &bad) < 0 ||
		expand_words(&how, line, &words, &bad) < 0) {
		buf_addf(out, "error: %s\n", bad.text);
		return;
	}
	text_quote(word, out);
	strv_each (item, &words) {
		buf_addc(out, ' ');
		text_quote(*item, out);
	}
	buf_addc(out, '\n');
}

static void debug_ref_line(const char *line, struct buf *out)
{
	autoref struct ref ref = { 0 };
	autofree char *full = NULL, *familiar = NULL;
	struct err bad = ERR_INIT;

	if (ref_parse(line, &ref, &bad) < 0) {
		buf_addf(out, "error: %s\n", bad.text);
		return;
	}
	full = ref_full(&ref);
	familiar = ref_familiar(&ref);
	buf_addf(out, "%s %s\n", full, familiar);
}

static int debug_lines(const struct debug_input *in, struct buf *out, struct err *err)
{
	autofree char *text = xstrndup(in->text, in->len);
	autostrv struct strv env = STRV_INIT;
	bool words = strcmp(in->what, "words") == 0;

	(void)err; /* a bad line is shown as such */
	for (char *line = text, *next; *line; line = next) {
		next = strchrnul(line, '\n');
		if (*next)
			*next++ = '\0';
		if (words)
			debug_words_line(line, &env, out);
		else
			debug_ref_line(line, out);
	}
	return 0;
}

/* The patterns as they are used; with paths, what becomes of each. */
static int debug_ignore(const struct debug_input *in, struct buf *out, struct err *err)
{
	autostrv struct strv patterns = STRV_INIT;
	autoignore struct ignore *ignore = NULL;

	ignore_read(in->text, in->len, &patterns);
	TRY(ignore_new(&patterns, &ignore, err));
	if (in->operands->n == 0)
		strv_each (pattern, &patterns)
			buf_addf(out, "%s\n", *pattern);
	strv_each (path, in->operands) {
		bool ignored = ignore_match(ignore, *path);

		buf_addf(out, "%s %s\n", ignored ? "ignored" : "sent", *path);
	}
	return 0;
}

int builder_debug(const struct debug_input *in, struct buf *out, struct err *err)
{
	if (strcmp(in->what, "dockerfile") == 0)
		return debug_dockerfile(in, out, err);
	if (strcmp(in->what, "ignore") == 0)
		return debug_ignore(in, out, err);
	if (strcmp(in->what, "words") == 0 || strcmp(in->what, "ref") == 0)
		return debug_lines(in, out, err);
	return err_set(err, -EINVAL, "'%s' cannot be shown; try dockerfile, words, ref or ignore",
		in->what);
}
