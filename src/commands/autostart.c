/* SPDX-License-Identifier: Apache-2.0 */
/*
 * autostart: `sbx start --all` when the machine has started, by the caller's own means: a user unit
 * where systemd has a manager for the user, else a line of the crontab. Says what it wrote and what else it
 * takes; switches nothing on that belongs to the administrator.
 */
#include "commands/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/self.h"
#include "base/spawn.h"
#include "base/xalloc.h"
#include "commands/output.h"
#include "options/verbs.h"

#define UNIT      "sbx-autostart.service"
#define MARK      "# sbx autostart"
#define CRON_MAX  (1u << 20)
#define CRON_NONE 1 /* crontab -l of a user without one */

struct meaning {
	char c;
	const char *written;
};

/* ' in a shell's and in systemd's quotes alike: closed, escaped, opened again */
static const struct meaning in_cron[] = { { '\'', "'\\''" }, { '%', "\\%" }, { 0, NULL } };
static const struct meaning in_unit[] = { { '\'', "'\\''" }, { '%', "%%" }, { '$', "$$" },
	{ '\\', "\\\\" }, { 0, NULL } };

static void add_quoted(struct buf *out, const char *text, const struct meaning *meanings)
{
	buf_addc(out, '\'');
	for (; *text; text++) {
		const struct meaning *m = meanings;

		while (m->c && m->c != *text)
			m++;
		if (m->c)
			buf_adds(out, m->written);
		else
			buf_addc(out, *text);
	}
	buf_addc(out, '\'');
}

static void add_command(struct buf *out, const char *program, const struct globals *globals,
	const struct meaning *meanings)
{
	add_quoted(out, program, meanings);
	buf_adds(out, " --root ");
	add_quoted(out, globals->root, meanings);
	buf_adds(out, " start --all");
}

static char *unit_text(const char *program, const struct globals *globals)
{
	struct buf text = BUF_INIT;

	buf_adds(&text,
		"[Unit]\nDescription=containers of sbx with --restart always or unless-stopped\n"
		"\n[Service]\nType=oneshot\nRemainAfterExit=yes\nKillMode=none\nExecStart=");
	add_command(&text, program, globals, in_unit);
	buf_adds(&text, "\n\n[Install]\nWantedBy=default.target\n");
	return buf_steal(&text);
}

static char *cron_line(const char *program, const struct globals *globals)
{
	struct buf text = BUF_INIT;

	buf_adds(&text, "@reboot ");
	add_command(&text, program, globals, in_cron);
	buf_adds(&text, " " MARK "\n");
	return buf_steal(&text);
}

/* ---- systemd ---- */

static bool has_user_manager(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	autofree char *path = xasprintf("%s/systemd/private", runtime ? runtime : "");

	return runtime && access(path, F_OK) == 0;
}

static int systemctl(const char *verb, struct err *err)
{
	char *argv[] = { (char *)"systemctl", (char *)"--user", (char *)"--quiet", (char *)verb,
		(char *)UNIT, NULL };
	const struct spawn spawn = { .path = "systemctl", .argv = argv };
	int r = spawn_run(&spawn, err);

	if (r > 0)
		return err_set(err, -EIO, "systemctl --user %s " UNIT " failed (%d)", verb, r);
	return r;
}

static char *unit_folder(void)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	return config && *config == '/' ? xasprintf("%s/systemd/user", config)
					: xasprintf("%s/.config/systemd/user", home ? home : "");
}

static int write_unit(const char *text, struct err *err)
{
	autofree char *folder = unit_folder();
	autofree char *path = xasprintf("%s/" UNIT, folder);
	autofd int dir = -EBADF;

	TRY(fs_mkdirs(folder, 0755, err));
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, "open '%s'", folder);
	TRY(fs_write_at(dir, UNIT, text, strlen(text), FS_SYNC, err));
	TRY(systemctl("enable", err));
	log_plain("Wrote %s and enabled it. It starts when you log in; to start with the machine: "
		  "loginctl enable-linger",
		path);
	return 0;
}

static int remove_unit(struct err *err)
{
	autofree char *folder = unit_folder();
	autofree char *path = xasprintf("%s/" UNIT, folder);
	struct err ignored;

	if (access(path, F_OK) < 0)
		return 0;
	(void)systemctl("disable", &ignored); /* without a manager the file is all there is */
	return unlink(path) < 0 ? err_sys(err, "remove '%s'", path) : 1;
}

/* ---- cron ---- */

static int read_crontab(char **ret, struct err *err)
{
	char *argv[] = { (char *)"crontab", (char *)"-l", NULL };
	autofd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct spawn_fd fds[] = { { null, 2 } };
	const struct spawn spawn = {
		.path = "crontab", .argv = argv, .fds = fds, .n_fds = null >= 0 ? 1 : 0
	};
	int r = spawn_capture(&spawn, CRON_MAX, ret, err);

	if (r == -ENOENT)
		return err_set(err, -ENOENT,
			"neither a systemd user manager nor crontab is here: let something of yours run "
			"`sbx start --all` when the machine has started");
	if (r > CRON_NONE)
		return err_set(err, -EIO, "crontab -l failed (%d)", r);
	return r < 0 ? r : 0;
}

static int write_crontab(const char *text, struct err *err)
{
	char *argv[] = { (char *)"crontab", (char *)"-", NULL };
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	const struct spawn_fd fds[] = { { ends[0], 0 } };
	const struct spawn spawn = { .path = "crontab", .argv = argv, .fds = fds, .n_fds = 1 };
	pid_t pid = spawn_start(&spawn, NULL, err);

	(void)close(ends[0]); /* the program has its own */
	r = pid < 0 ? (int)pid : fs_write_all(ends[1], text, strlen(text), err);
	(void)close(ends[1]);
	if (pid > 0 && r == 0)
		r = spawn_wait(pid, err);
	return r > 0 ? err_set(err, -EIO, "crontab failed (%d)", r) : r;
}

/* All lines but ours; *ret_found: there was one. */
static char *other_lines(const char *text, bool *ret_found)
{
	struct buf out = BUF_INIT;

	*ret_found = false;
	while (text && *text) {
		size_t len = strcspn(text, "\n");
		autofree char *line = xstrndup(text, len);

		if (strstr(line, MARK))
			*ret_found = true;
		else
			buf_addf(&out, "%s\n", line);
		text += len + (text[len] == '\n');
	}
	return buf_steal(&out);
}

/* line "": only takes ours away. Returns 1 when there was one. */
static int change_crontab(const char *line, struct err *err)
{
	autofree char *old = NULL, *rest = NULL, *text = NULL;
	bool found;

	TRY(read_crontab(&old, err));
	rest = other_lines(old, &found);
	text = xasprintf("%s%s", rest ? rest : "", line);
	if (found || *line)
		TRY(write_crontab(text, err));
	return found;
}

/* ---- the command ---- */

static int take_back(struct err *err)
{
	struct err no_cron = ERR_INIT;
	int unit = remove_unit(err), line;

	TRY(unit);
	line = change_crontab("", &no_cron);
	if (unit <= 0 && line <= 0)
		return err_set(err, -ENOENT, "there is nothing to take back");
	log_plain("%s", unit > 0 ? "Removed " UNIT : "Removed the line of the crontab");
	return 0;
}

int cmd_autostart(struct globals *globals, int argc, char **argv, struct err *err)
{
	struct autostart_opts opts = { 0 };
	bool unit = has_user_manager();
	autofree char *program = NULL, *text = NULL;

	TRY(autostart_opts_parse(argc, argv, &opts, err));
	if (opts.remove)
		return take_back(err);
	TRY(self_path(&program, err));
	text = unit ? unit_text(program, globals) : cron_line(program, globals);
	if (!opts.print && unit)
		TRY(write_unit(text, err));
	else if (!opts.print)
		TRY(change_crontab(text, err) < 0 ? err->code : 0);
	if (!opts.print && !unit)
		log_plain("Added this line to your crontab:");
	text[strlen(text) - 1] = '\0'; /* out_line() ends it */
	return out_line(text, err);
}
