/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which processes of the host are a container's: those in the pid namespace of its init, and all their
 * descendants (nested namespaces). Works without cgroups. Processes come and go while it looks, so the
 * answer is a snapshot; a process that ends meanwhile is not in it.
 */
#include "commands/common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

struct proc {
	pid_t pid, parent;
	bool inside;
};

struct procs {
	struct proc *v;
	size_t n;
};

/* The parent is the second field after "(comm)". */
static pid_t parent_of(int proc, const char *pid)
{
	autofree char *name = xasprintf("%s/stat", pid), *text = NULL;
	struct err ignored = ERR_INIT;
	const char *end;
	size_t len;

	if (fs_read_at(proc, name, 4096, &text, &len, &ignored) < 0)
		return -1; /* it has just ended */
	end = strrchr(text, ')');
	return end && strlen(end) > 4 ? (pid_t)strtoll(end + 4, NULL, 10) : -1;
}

/* 0 where it cannot be seen: somebody else's process. */
static ino_t namespace_of(int proc, const char *pid)
{
	autofree char *name = xasprintf("%s/ns/pid", pid);
	struct stat st;

	return fstatat(proc, name, &st, 0) < 0 ? 0 : st.st_ino;
}

static void add(struct procs *list, int proc, const char *pid, ino_t wanted)
{
	list->v = xreallocarray(list->v, list->n + 1, sizeof(*list->v));
	list->v[list->n++] = (struct proc){
		.pid = (pid_t)strtoll(pid, NULL, 10),
		.parent = parent_of(proc, pid),
		.inside = namespace_of(proc, pid) == wanted,
	};
}

static int read_all(int proc, ino_t wanted, struct procs *list, struct err *err)
{
	int again = openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autodir DIR *stream = again < 0 ? NULL : fdopendir(again); /* takes again over */

	if (!stream)
		return err_sys(err, "list /proc");
	for (struct dirent *e = readdir(stream); e; e = readdir(stream))
		if (strspn(e->d_name, "0123456789") == strlen(e->d_name))
			add(list, proc, e->d_name, wanted);
	return 0;
}

static bool has_inside(const struct procs *list, pid_t pid)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].pid == pid)
			return list->v[i].inside;
	return false;
}

/* A child may be listed before its parent, hence until nothing changes. */
static void add_descendants(struct procs *list)
{
	for (bool changed = true; changed;) {
		changed = false;
		for (size_t i = 0; i < list->n; i++) {
			if (list->v[i].inside || !has_inside(list, list->v[i].parent))
				continue;
			list->v[i].inside = true;
			changed = true;
		}
	}
}

static int by_pid(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int container_pids(const struct container *c, pid_t **ret, size_t *ret_n, struct err *err)
{
	autofd int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autofree struct proc *owned = NULL;
	struct procs list = { 0 };
	char init[16];
	ino_t wanted;
	int r;

	(void)snprintf(init, sizeof(init), "%d", (int)c->pid);
	wanted = proc < 0 ? 0 : namespace_of(proc, init);
	if (!wanted || state_pid_start(c->pid) != c->pid_start)
		return err_set(err, -ESRCH, "container %s is not running", c->name);
	r = read_all(proc, wanted, &list, err);
	owned = list.v;
	TRY(r);
	add_descendants(&list);
	*ret = xcalloc(list.n + 1, sizeof(**ret));
	*ret_n = 0;
	for (size_t i = 0; i < list.n; i++)
		if (list.v[i].inside)
			(*ret)[(*ret_n)++] = list.v[i].pid;
	qsort(*ret, *ret_n, sizeof(**ret), by_pid);
	return 0;
}
