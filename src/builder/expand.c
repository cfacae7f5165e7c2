/* SPDX-License-Identifier: Apache-2.0 */
/* Variables of the moment go into an instruction; and what RUN and EXPOSE then mean. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "builder/instruction.h"
#include "builder/run_mount.h"
#include "builder/text.h"

static int expand_slot(const struct expansion *how, char **slot, struct err *err)
{
	char *value;

	if (!*slot)
		return 0;
	TRY(expand_word(how, *slot, &value, err));
	free(*slot);
	*slot = value;
	return 0;
}

static int expand_list(const struct expansion *how, struct strv *list, struct err *err)
{
	strv_each (item, list)
		TRY(expand_slot(how, item, err));
	return 0;
}

static int expand_pairs(const struct expansion *how, struct instruction *in, struct err *err)
{
	for (size_t i = 0; i < in->n_pairs; i++) {
		TRY(expand_slot(how, &in->pairs[i].key, err));
		TRY(expand_slot(how, &in->pairs[i].value, err));
	}
	return 0;
}

/* In bodies of heredocs quotes are ordinary characters and "\" escapes, whatever the file's escape is. */
static int expand_copy(const struct expansion *how, struct copy_words *copy, struct err *err)
{
	struct expansion body = *how;

	body.escape = '\\';
	body.skip_quotes = true;
	TRY(expand_slot(how, &copy->chown, err));
	TRY(expand_slot(how, &copy->chmod, err));
	TRY(expand_slot(how, &copy->checksum, err));
	TRY(expand_list(how, &copy->sources, err));
	TRY(expand_slot(how, &copy->dest, err));
	for (size_t i = 0; i < copy->n_inlines; i++)
		if (copy->inlines[i].expand)
			TRY(expand_slot(&body, &copy->inlines[i].data, err));
	return 0;
}

static int expand_mounts(const struct expansion *how, struct run_words *run, struct err *err)
{
	for (size_t i = 0; i < run->n_mounts; i++) {
		struct run_mount mount;

		TRY(run_mount_parse(run->mount_texts.v[i], how, &mount, err));
		run_mount_done(&run->mounts[i]);
		run->mounts[i] = mount;
	}
	return 0;
}

static int expand_ports(const struct expansion *how, struct strv *args, struct err *err)
{
	struct strv ports = STRV_INIT;

	strv_each (arg, args) {
		if (expand_words(how, *arg, &ports, err) < 0) {
			strv_done(&ports);
			return err->code;
		}
	}
	strv_done(args);
	*args = ports;
	return 0;
}

int instruction_expand(struct instruction *in, const struct expansion *how, struct err *err)
{
	switch (in->kind) {
	case INS_ADD:
	case INS_COPY:
		return expand_copy(how, &in->copy, err);
	case INS_ARG:
	case INS_ENV:
	case INS_LABEL:
		return expand_pairs(how, in, err);
	case INS_STOPSIGNAL:
	case INS_USER:
	case INS_VOLUME:
	case INS_WORKDIR:
		return expand_list(how, &in->args, err);
	case INS_EXPOSE:
		return expand_ports(how, &in->args, err);
	case INS_RUN:
		return expand_mounts(how, &in->run, err);
	case INS_CMD:
	case INS_ENTRYPOINT:
	case INS_FROM:
	case INS_HEALTHCHECK:
	case INS_MAINTAINER:
	case INS_ONBUILD:
	case INS_SHELL:
	case INS_KINDS:
		break;
	}
	return 0;
}

/* ---- RUN ---- */

char *instruction_shell_text(const struct instruction *in, bool *ret_script)
{
	const char *line = in->args.n > 0 ? in->args.v[0] : "";
	struct heredoc doc;
	struct buf out = BUF_INIT;

	*ret_script = false;
	if (in->n_heredocs > 0 && heredoc_word(line, &doc)) {
		char *text = heredoc_text(&in->heredocs[0]);

		heredoc_done(&doc);
		*ret_script = strncmp(text, "#!", 2) == 0;
		return text;
	}
	buf_adds(&out, line);
	for (size_t i = 0; i < in->n_heredocs; i++)
		buf_addf(&out, "\n%s%s", in->heredocs[i].content, in->heredocs[i].name);
	return buf_steal(&out);
}

/* ---- EXPOSE ---- */

static bool read_port(const char *s, size_t len, unsigned *ret)
{
	unsigned n = 0;

	for (size_t i = 0; i < len; i++) {
		if (!text_is_digit(s[i]) || n > 65535)
			return false;
		n = n * 10 + (unsigned)(s[i] - '0');
	}
	*ret = n;
	return len > 0 && n <= 65535;
}

/* "80" or "80-90". */
static bool read_range(const char *s, size_t len, unsigned *ret_first, unsigned *ret_last)
{
	const char *dash = memchr(s, '-', len);
	size_t head = dash ? (size_t)(dash - s) : len;

	if (!read_port(s, head, ret_first))
		return false;
	*ret_last = *ret_first;
	return !dash || (read_port(dash + 1, len - head - 1, ret_last) && *ret_last >= *ret_first);
}

static int read_expose(const char *port, struct strv *ret, struct err *err)
{
	const char *colon = strrchr(port, ':'), *spec = colon ? colon + 1 : port;
	size_t len = strcspn(spec, "/");
	autofree char *protocol = xstrdup(spec[len] ? spec + len + 1 : "tcp");
	unsigned first, last;

	text_lower(protocol);
	if (len == 0)
		return err_set(err, -EINVAL, "invalid port: \"%s\": no port specified", port);
	if (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0 &&
		strcmp(protocol, "sctp") != 0)
		return err_set(
			err, -EINVAL, "invalid port: \"%s\": invalid proto: %s", port, protocol);
	if (!read_range(spec, len, &first, &last))
		return err_set(err, -EINVAL, "invalid containerPort: %.*s", (int)len, spec);
	for (; first <= last; first++)
		strv_addf(ret, "%u/%s", first, protocol);
	return 0;
}

int instruction_ports(const struct instruction *in, struct strv *ret, struct err *err)
{
	strv_each (port, &in->args)
		TRY(read_expose(*port, ret, err));
	return 0;
}
