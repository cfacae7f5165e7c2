/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another name for a container: the new claim first, then config.json, then the old claim goes. A kill
 * in between leaves a container that both names find, and nobody else's claim is touched.
 */
#include "state/internal.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

static int write_name(struct container *c, const char *name, struct err *err)
{
	autobuf struct buf text = BUF_INIT;

	json_put_string(c->config, "name", name);
	json_write(c->config, 0, &text);
	buf_addc(&text, '\n');
	return fs_write_at(c->dir, CONFIG_NAME, text.data, text.len, FS_SYNC, err);
}

/* Another command may have renamed or removed it since it was opened. */
static int read_again(struct container *c, struct err *err)
{
	autojson struct json *config = NULL;

	if (json_read_at(c->dir, CONFIG_NAME, RECORD_MAX, &config, err) < 0)
		return err->code == -ENOENT
			       ? err_set(err, -ENOENT, "No such container: %s", c->name)
			       : err->code;
	json_free(c->config);
	c->config = move_ptr(&config);
	free(c->name);
	c->name = xstrdup(json_str(json_get(c->config, "name"), ""));
	return 0;
}

int state_rename(
	const struct globals *globals, struct container *c, const char *name, struct err *err)
{
	autostatedirs struct state_dirs dirs = STATE_DIRS_INIT;
	autofd int lock = -EBADF;

	if (name[0] == '/' && name[1])
		name++;
	if (!*name)
		return err_set(err, -EINVAL, "Neither old nor new names may be empty");
	if (!state_name_valid(name))
		return err_set(err, -EINVAL,
			"Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
			name);
	TRY(state_dirs_open(globals, false, &dirs, err));
	lock = state_lock(c, err);
	TRY(lock);
	TRY(read_again(c, err));
	if (strcmp(c->name, name) == 0)
		return err_set(err, -EINVAL,
			"Renaming a container with the same name as its current name");
	TRY(name_claim(&dirs, name, c->id, err));
	if (write_name(c, name, err) < 0) {
		name_release(dirs.names, name, c->id);
		return err->code;
	}
	name_release(dirs.names, c->name, c->id);
	free(c->name);
	c->name = xstrdup(name);
	return 0;
}

int state_change_config(struct container *c,
	int (*change)(void *data, struct json *config, struct err *err), void *data,
	struct err *err)
{
	autobuf struct buf text = BUF_INIT;

	TRY(read_again(c, err));
	TRY(change(data, c->config, err));
	json_write(c->config, 0, &text);
	buf_addc(&text, '\n');
	return fs_write_at(c->dir, CONFIG_NAME, text.data, text.len, FS_SYNC, err);
}
