/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With a cgroup of its own the kernel has counted everything. Without one the processes are summed up: the
 * processor time of those that live and of the children they have waited for; memory that is not backed by
 * files, so that a library shared by ten processes does not count ten times.
 */
#include "commands/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "commands/common.h"

#define TEXT_MAX (1u << 20)
#define NS       1000000000LL

static char *text_of(int dir, const char *name)
{
	struct err none = ERR_INIT; /* the process has ended, or the controller is off */
	char *text = NULL;

	return fs_read_at(dir, name, TEXT_MAX, &text, NULL, &none) < 0 ? NULL : text;
}

/* The number after a word at the start of a line. */
static int64_t number_after(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, word, len) == 0)
			return strtoll(line + len, NULL, 10);
	}
	return 0;
}

void usage_net(const char *text, struct usage *usage)
{
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		long long received, sent;
		char name[32];

		line += *line == '\n';
		if (sscanf(line, " %31[^: ]: %lld %*d %*d %*d %*d %*d %*d %*d %lld", name,
			    &received, &sent) != 3 ||
			strcmp(name, "lo") == 0)
			continue;
		usage->received += received;
		usage->sent += sent;
	}
}

void usage_io(const char *text, struct usage *usage)
{
	for (const char *s = text; (s = strchr(s, ' ')); s++) {
		if (strncmp(s, " rbytes=", 8) == 0)
			usage->read += strtoll(s + 8, NULL, 10);
		else if (strncmp(s, " wbytes=", 8) == 0)
			usage->written += strtoll(s + 8, NULL, 10);
	}
}

static void read_net(const struct container *c, struct usage *usage)
{
	char path[40];
	autofree char *text = NULL;

	if (strcmp(json_str(json_get(c->config, "network"), ""), "host") == 0)
		return; /* the machine's traffic is not the container's */
	snprintf(path, sizeof(path), "/proc/%d/net/dev", (int)c->pid);
	text = text_of(AT_FDCWD, path);
	if (text)
		usage_net(text, usage);
}

/* What its cgroup knows of it. False when a controller is missing: the processes know the rest. */
static bool read_cgroup(const struct container *c, struct usage *usage)
{
	autofd int dir = c->cgroup && *c->cgroup
				 ? open(c->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
				 : -EBADF;
	autofree char *cpu = NULL, *memory = NULL, *limit = NULL, *pids = NULL, *io = NULL;

	if (dir < 0)
		return false;
	cpu = text_of(dir, "cpu.stat");
	memory = text_of(dir, "memory.current");
	limit = text_of(dir, "memory.max");
	pids = text_of(dir, "pids.current");
	io = text_of(dir, "io.stat");
	if (cpu)
		usage->cpu = number_after(cpu, "usage_usec ") * 1000;
	if (memory)
		usage->memory = strtoll(memory, NULL, 10);
	if (pids)
		usage->pids = strtoll(pids, NULL, 10);
	if (limit && *limit != 'm')
		usage->limit = strtoll(limit, NULL, 10);
	if (io)
		usage_io(io, usage);
	return cpu && memory && pids;
}

/* utime, stime, cutime and cstime are the fields 14 to 17; "(comm) " comes before the third. */
static int64_t ticks_of(const char *stat)
{
	const char *at = strrchr(stat, ')');
	long long user, kernel, user_children, kernel_children;

	if (!at || sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld %lld %lld",
			   &user, &kernel, &user_children, &kernel_children) != 4)
		return 0;
	return user + kernel + user_children + kernel_children;
}

static void add_process(pid_t pid, struct usage *usage)
{
	autofree char *stat = NULL, *status = NULL, *io = NULL;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	stat = text_of(AT_FDCWD, path);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	status = text_of(AT_FDCWD, path);
	if (!stat || !status)
		return;
	snprintf(path, sizeof(path), "/proc/%d/io", (int)pid);
	io = text_of(AT_FDCWD, path);
	usage->cpu += ticks_of(stat) * (NS / sysconf(_SC_CLK_TCK));
	usage->memory += (number_after(status, "RssAnon:") + number_after(status, "RssShmem:")) *
			 1024;
	usage->pids += number_after(status, "Threads:");
	if (io) {
		usage->read += number_after(io, "read_bytes: ");
		usage->written += number_after(io, "write_bytes: ");
	}
}

static int64_t machine_memory(void)
{
	struct sysinfo si;

	return sysinfo(&si) < 0 ? 0 : (int64_t)si.totalram * si.mem_unit;
}

/* A container with one limit has the controller of that limit and no other. */
static void fill(struct usage *usage, const struct usage *seen)
{
	usage->cpu = usage->cpu < 0 ? seen->cpu : usage->cpu;
	usage->memory = usage->memory < 0 ? seen->memory : usage->memory;
	usage->pids = usage->pids < 0 ? seen->pids : usage->pids;
	if (usage->read == 0 && usage->written == 0) {
		usage->read = seen->read;
		usage->written = seen->written;
	}
}

int usage_read(const struct container *c, struct usage *ret, struct err *err)
{
	struct usage usage = {
		.when = state_now(), .limit = machine_memory(), .cpu = -1, .memory = -1, .pids = -1
	};
	struct usage seen = { 0 };
	autofree pid_t *pids = NULL;
	size_t n = 0;

	if (!read_cgroup(c, &usage)) {
		TRY(container_pids(c, &pids, &n, err));
		for (size_t i = 0; i < n; i++)
			add_process(pids[i], &seen);
		fill(&usage, &seen);
	}
	read_net(c, &usage);
	*ret = usage;
	return 0;
}
