/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts of run as they are kept for `start`: in long form, with absolute sources. Pure. */
#include "options/internal.h"

#include <string.h>

#include "base/buf.h"

/* One field of a --mount value. */
static void add_field(struct buf *out, const char *key, const char *value)
{
	buf_addf(out, "%s\"%s=", out->len ? "," : "", key);
	for (const char *s = value; *s; s++) {
		if (*s == '"')
			buf_addc(out, '"');
		buf_addc(out, *s);
	}
	buf_addc(out, '"');
}

/* --mount type=bind with its absolute source. */
void note_mount(struct strv *args, const struct volume *v)
{
	autobuf struct buf out = BUF_INIT;

	add_field(&out, "type", "bind");
	add_field(&out, "source", v->source);
	add_field(&out, "target", v->destination);
	if (v->read_only)
		buf_adds(&out, ",readonly");
	if (v->squash)
		buf_adds(&out, ",squash");
	if (v->no_exec)
		buf_adds(&out, ",noexec");
	if (v->not_recursive)
		buf_adds(&out, ",bind-nonrecursive");
	if (v->slave)
		buf_adds(&out, ",bind-propagation=rslave");
	strv_addf(args, "--mount=%s", out.data);
}

/* -v ./dir:/path with its absolute source, as long as that can be written so. */
void note_volume(struct strv *args, const struct volume *v, const char *value)
{
	if (*value != '.')
		strv_addf(args, "--volume=%s", value);
	else if (strchr(v->source, ':'))
		note_mount(args, v);
	else
		strv_addf(args, "--volume=%s%s", v->source, strchr(value, ':'));
}
