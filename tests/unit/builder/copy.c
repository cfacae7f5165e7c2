/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "builder/copy_links.h"
#include "harness.h"

/* Two directories: "src" is the context, "root" the image. */
struct world {
	char top[64];
	int src, root;
	struct ignore *ignore;
};

static void write_map(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		print_error("%s: %s\n", path, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
}

/* Owners are set: as root of a namespace, which everybody can be. */
static int become_root(void **state)
{
	autofree char *uid = xasprintf("0 %u 1", geteuid()), *gid = xasprintf("0 %u 1", getegid());

	(void)state;
	if (geteuid() == 0)
		return 0;
	if (unshare(CLONE_NEWUSER) < 0)
		return -1;
	write_map("/proc/self/setgroups", "deny");
	write_map("/proc/self/uid_map", uid);
	write_map("/proc/self/gid_map", gid);
	return 0;
}

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	autofree char *src = NULL, *root = NULL;

	(void)snprintf(w->top, sizeof(w->top), "/tmp/sbx-unit-copy-XXXXXX");
	if (!mkdtemp(w->top))
		return -1;
	src = xasprintf("%s/src", w->top);
	root = xasprintf("%s/root", w->top);
	if (mkdir(src, 0755) < 0 || mkdir(root, 0755) < 0)
		return -1;
	w->src = open(src, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	int r = fs_remove_tree(AT_FDCWD, w->top, &err);

	(void)close(w->src);
	(void)close(w->root);
	ignore_free(w->ignore);
	free(w);
	return r;
}

static void put(int dir, const char *path, const char *text, mode_t mode)
{
	struct err err = ERR_INIT;
	autofree char *parent = xstrdup(path);
	char *slash = strrchr(parent, '/');
	autofd int fd = -EBADF;

	if (slash) {
		*slash = '\0';
		fd = fs_mkdirs_in(dir, parent, 0755, &err);
		assert_true(fd >= 0);
		fd_drop(&fd);
	}
	fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
}

static void ignore_set(struct world *w, const char *text)
{
	autostrv struct strv patterns = STRV_INIT;
	struct err err = ERR_INIT;

	ignore_read(text, strlen(text), &patterns);
	assert_int_equal(ignore_new(&patterns, &w->ignore, &err), 0);
}

static struct instruction line(const char *text)
{
	autodockerfile struct dockerfile file = { 0 };
	struct instruction in;
	struct err err = ERR_INIT;

	assert_int_equal(dockerfile_parse("D", text, strlen(text), &file, &err), 0);
	assert_int_equal(instruction_parse(&file.nodes[0], &in, &err), 0);
	return in;
}

static int apply(struct world *w, const char *text, struct err *err)
{
	autoinstruction struct instruction in = line(text);
	struct copy_plan plan = {
		.words = &in.copy, .workdir = "/work", .ignore = w->ignore, .epoch = -1
	};

	plan.is_add = in.kind == INS_ADD;
	return copy_apply(w->root, w->src, &plan, err);
}

static void done(struct world *w, const char *text)
{
	struct err err = ERR_INIT;

	if (apply(w, text, &err) < 0)
		fail_msg("%s: %s", text, err.text);
}

static void refused(struct world *w, const char *text, const char *why)
{
	struct err err = ERR_INIT;

	assert_true(apply(w, text, &err) < 0);
	if (!strstr(err.text, why))
		fail_msg("%s: '%s' is not '%s'", text, err.text, why);
}

static void digest(struct world *w, const char *text, int memory, char ret[SHA256_HEX])
{
	autoinstruction struct instruction in = line(text);
	struct copy_plan plan = { .words = &in.copy, .ignore = w->ignore, .epoch = -1 };
	struct err err = ERR_INIT;

	assert_int_equal(copy_digest(w->src, &plan, memory, ret, &err), 0);
}

/* The text of a file of the image; "" for a directory, "-> x" for a link, NULL for nothing. */
static char *get(struct world *w, const char *path)
{
	char text[256] = "-> ";
	struct stat st;
	autofd int fd = -EBADF;

	if (fstatat(w->root, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return NULL;
	if (S_ISDIR(st.st_mode))
		return xstrdup("");
	if (S_ISLNK(st.st_mode)) {
		assert_true(readlinkat(w->root, path, text + 3, sizeof(text) - 4) > 0);
		return xstrdup(text);
	}
	memset(text, 0, sizeof(text));
	fd = openat(w->root, path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && read(fd, text, sizeof(text) - 1) >= 0);
	return xstrdup(text);
}

static void has(struct world *w, const char *path, const char *want)
{
	autofree char *got = get(w, path);

	if (!got || !want) {
		if (got != want)
			fail_msg("%s is %s", path, got ? got : "missing");
		return;
	}
	assert_string_equal(got, want);
}

static mode_t mode_of(struct world *w, const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(w->root, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 07777;
}

static void files_and_directories_go_where_the_reference_says(void **state)
{
	struct world *w = *state;

	put(w->src, "a", "A", 0640);
	put(w->src, "d/x", "X", 0755);
	put(w->src, "d/sub/y", "Y", 0644);
	done(w, "COPY a /one");
	has(w, "one", "A");
	assert_int_equal(mode_of(w, "one"), 0640);
	done(w, "COPY a /new/dir/");
	has(w, "new/dir/a", "A");
	done(w, "COPY a new");
	has(w, "work/new", "A"); /* relative to the working directory */
	done(w, "COPY d /tree");
	has(w, "tree/x", "X");
	has(w, "tree/sub/y", "Y");
	done(w, "COPY d/ a /both/");
	has(w, "both/x", "X");
	has(w, "both/a", "A");
	done(w, "COPY . .");
	has(w, "work/d/sub/y", "Y");
	done(w, "COPY /d/../a /abs");
	has(w, "abs", "A");
	done(w, "COPY a d/x /several");
	has(w, "several/x", "X");
}

static void wildcards_match_names(void **state)
{
	struct world *w = *state;

	put(w->src, "a.txt", "1", 0644);
	put(w->src, "b.txt", "2", 0644);
	put(w->src, "dir/c.txt", "3", 0644);
	done(w, "COPY *.txt /t/");
	has(w, "t/a.txt", "1");
	has(w, "t/b.txt", "2");
	has(w, "t/c.txt", NULL);
	done(w, "COPY d*/[c]?txt /u");
	has(w, "u", "3");
	done(w, "COPY a.txt none*.txt /v/");
	has(w, "v/a.txt", "1");
	refused(w, "COPY none* /w/", "\"/none*\": not found in the build context");
	refused(w, "COPY a.txt missing /w/", "\"/missing\": not found in the build context");
}

static void the_context_cannot_be_left(void **state)
{
	struct world *w = *state;

	put(w->root, "etc/secret", "image", 0600);
	assert_int_equal(symlinkat("/etc", w->src, "conf"), 0);
	assert_int_equal(symlinkat("../../../../etc/passwd", w->src, "up"), 0);
	assert_int_equal(symlinkat("loop", w->src, "loop"), 0);
	refused(w, "COPY ../x /y", "forbidden path outside the build context: ../x");
	refused(w, "COPY /etc/passwd /y", "\"/etc/passwd\": not found");
	refused(w, "COPY conf/passwd /y", "not found");
	refused(w, "COPY conf/ /y", "not found");
	refused(w, "COPY up /y", "not found");
	refused(w, "COPY loop /y", "Too many levels of symbolic links");
	has(w, "y", NULL);
	done(w, "COPY . /all/");
	has(w, "all/up", "-> ../../../../etc/passwd"); /* below a directory, links are links */
}

static void symlinks_that_are_named_are_followed_inside(void **state)
{
	struct world *w = *state;

	put(w->src, "real/f", "F", 0644);
	put(w->src, "plain", "P", 0644);
	assert_int_equal(symlinkat("real", w->src, "link"), 0);
	assert_int_equal(symlinkat("/real/f", w->src, "file"), 0);
	done(w, "COPY link /l");
	has(w, "l/f", "F");
	done(w, "COPY file /copied");
	has(w, "copied", "F");
	/* destinations */
	assert_int_equal(mkdirat(w->root, "target", 0755), 0);
	assert_int_equal(symlinkat("/target", w->root, "way"), 0);
	assert_int_equal(symlinkat("../../../../outside", w->root, "out"), 0);
	done(w, "COPY plain /way/");
	has(w, "target/plain", "P");
	done(w, "COPY plain /out/");
	has(w, "outside/plain", "P"); /* of the image */
}

static void what_is_there_is_merged_or_replaced(void **state)
{
	struct world *w = *state;

	put(w->src, "d/file", "new", 0644);
	put(w->src, "d/dir/in", "in", 0644);
	put(w->src, "d/via/z", "Z", 0644);
	assert_int_equal(fchmodat(w->src, "d/dir", 0700, 0), 0);
	put(w->root, "to/file/was/dir", "old", 0644);
	put(w->root, "to/dir/kept", "kept", 0644);
	assert_int_equal(mkdirat(w->root, "elsewhere", 0755), 0);
	assert_int_equal(symlinkat("/elsewhere", w->root, "to/via"), 0);
	assert_int_equal(fchmodat(w->root, "to", 0711, 0), 0);
	done(w, "COPY d /to");
	has(w, "to/file", "new");
	has(w, "to/dir/in", "in");
	has(w, "to/dir/kept", "kept");
	has(w, "to/via", "-> /elsewhere");
	has(w, "elsewhere/z", "Z");
	assert_int_equal(mode_of(w, "to"), 0711);     /* the top keeps its own */
	assert_int_equal(mode_of(w, "to/dir"), 0700); /* below, the source's wins */
	put(w->root, "plain", "x", 0644);
	refused(w, "COPY d /plain", "cannot copy to non-directory: /plain");
}

static void modes_owners_and_inline_files(void **state)
{
	struct world *w = *state;
	struct stat st;

	put(w->src, "s", "#!/bin/sh\n", 0600);
	put(w->root, "etc/passwd", "root:x:0:0::/:/bin/sh\nme:x:0:0::/:/bin/sh\n", 0644);
	done(w, "COPY --chmod=755 --chown=me:0 s /s");
	assert_int_equal(mode_of(w, "s"), 0755);
	assert_int_equal(fstatat(w->root, "s", &st, 0), 0);
	assert_int_equal(st.st_uid, 0);
	done(w, "COPY --chmod=u=rwX,go=rX . /m/");
	assert_int_equal(mode_of(w, "m/s"), 0644);
	done(w, "COPY --chmod=a+x,u+s s /x");
	assert_int_equal(mode_of(w, "x"), 04711);
	refused(w, "COPY --chmod=999 s /y", "invalid chmod parameter: '999'");
	refused(w, "COPY --chmod=10000 s /y", "invalid chmod parameter: '10000'");
	refused(w, "COPY --chown=nobody-here s /y", "unable to find user nobody-here");
	refused(w, "COPY --chown=0:crowd s /y", "unable to find group crowd");
	done(w, "COPY <<one.txt <<-two.txt /inline/\nfirst\none.txt\n\tsecond\n\ttwo.txt\n");
	has(w, "inline/one.txt", "first\n");
	has(w, "inline/two.txt", "second\n");
	done(w, "COPY <<EOF /named\nbody\nEOF\n");
	has(w, "named", "body\n");
	assert_int_equal(mode_of(w, "named"), 0644);
}

static void ignored_and_excluded_files_stay_out(void **state)
{
	struct world *w = *state;

	put(w->src, "keep", "k", 0644);
	put(w->src, "secret/key", "s", 0644);
	put(w->src, "secret/public/pem", "p", 0644);
	put(w->src, "o/a.o", "o", 0644);
	put(w->src, "o/a.c", "c", 0644);
	ignore_set(w, "secret\n!secret/public\n");
	done(w, "COPY . /all/");
	has(w, "all/secret/key", NULL);
	has(w, "all/secret/public/pem", "p");
	refused(w, "COPY secret/key /x", ".dockerignore leaves it out");
	done(w, "COPY --exclude=*.o --exclude=**/*.c o keep /ex/");
	has(w, "ex/a.o", NULL);
	has(w, "ex/a.c", NULL);
	has(w, "ex/keep", "k");
}

static void parents_are_kept_when_asked_for(void **state)
{
	struct world *w = *state;

	put(w->src, "x/a.txt", "a", 0644);
	put(w->src, "x/y/b.txt", "b", 0644);
	put(w->src, "x/y/b.bin", "b", 0644);
	put(w->src, "z/c.txt", "c", 0644);
	done(w, "COPY --parents x/a.txt z/c.txt /p/");
	has(w, "p/x/a.txt", "a");
	has(w, "p/z/c.txt", "c");
	has(w, "p/x/y", NULL);
	done(w, "COPY --parents x/./y/*.txt /q/");
	has(w, "q/y/b.txt", "b");
	has(w, "q/y/b.bin", NULL);
	done(w, "COPY --parents **/*.txt /r/");
	has(w, "r/x/y/b.txt", "b");
	refused(w, "COPY --parents x/none /s/", "not found");
}

static void the_digest_is_of_contents_not_of_times(void **state)
{
	struct world *w = *state;
	const struct timespec past[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	char before[SHA256_HEX], after[SHA256_HEX];

	put(w->src, "d/f", "one", 0644);
	put(w->src, "ignored", "x", 0644);
	ignore_set(w, "ignored\n");
	digest(w, "COPY . /d/", w->root, before);
	assert_int_equal(utimensat(w->src, "d/f", past, 0), 0);
	put(w->src, "ignored", "changed", 0644);
	digest(w, "COPY . /d/", w->root, after);
	assert_string_equal(before, after);
	put(w->src, "d/f", "two", 0644);
	assert_int_equal(utimensat(w->src, "d/f", past, 0), 0); /* same size, same time */
	digest(w, "COPY . /d/", w->root, after);
	assert_string_not_equal(before, after);
	put(w->src, "d/f", "one", 0755);
	digest(w, "COPY . /d/", -1, after);
	assert_string_not_equal(before, after);
	put(w->src, "d/f", "one", 0644);
	digest(w, "COPY . /d/", -1, after);
	assert_string_equal(before, after);
}

static void plain_text_is_no_archive(void **state)
{
	struct world *w = *state;

	put(w->src, "fake.tar.gz", "just text\n", 0644);
	done(w, "ADD fake.tar.gz /f/");
	has(w, "f/fake.tar.gz", "just text\n");
}

static void sources_of_the_network_are_told_from_files(void **state)
{
	(void)state;
	assert_true(copy_is_remote("https://example.com/x"));
	assert_true(copy_is_remote("git@example.com:x.git"));
	assert_false(copy_is_remote("http/x"));
}

static struct stat stat_in(const struct world *w, const char *path)
{
	struct stat st = { 0 };

	assert_int_equal(fstatat(w->root, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

static void names_of_one_file_stay_names_of_one_file(void **state)
{
	struct world *w = *state;
	char linked[SHA256_HEX], separate[SHA256_HEX];

	put(w->src, "d/a", "text", 0644);
	put(w->src, "e/alone", "text", 0644);
	put(w->src, "d/sub/deep", "x", 0644);
	assert_int_equal(linkat(w->src, "d/a", w->src, "d/b", 0), 0);
	assert_int_equal(linkat(w->src, "d/a", w->src, "d/sub/c", 0), 0);
	put(w->root, "one/b", "old", 0600);
	done(w, "COPY d /one/");
	done(w, "COPY --chown=0:0 --chmod=640 d e /two/");
	done(w, "COPY d/a /three");
	assert_int_equal(stat_in(w, "one/a").st_nlink, 3);
	assert_int_equal(stat_in(w, "one/a").st_ino, stat_in(w, "one/b").st_ino);
	assert_int_equal(stat_in(w, "one/a").st_ino, stat_in(w, "one/sub/c").st_ino);
	assert_int_equal(stat_in(w, "two/sub/c").st_nlink, 3);
	assert_int_equal(stat_in(w, "two/sub/c").st_mode & 07777, 0640);
	assert_int_equal(stat_in(w, "one/sub/c").st_mode & 07777, 0644);
	assert_int_equal(stat_in(w, "two/alone").st_nlink, 1);
	assert_int_equal(stat_in(w, "three").st_nlink, 1);
	has(w, "one/b", "text");
	digest(w, "COPY d /one/", -1, linked);
	assert_int_equal(unlinkat(w->src, "d/b", 0), 0);
	put(w->src, "d/b", "text", 0644);
	digest(w, "COPY d /one/", -1, separate);
	assert_string_equal(linked, separate);
}

static void a_first_name_that_was_replaced_since_is_not_linked_to(void **state)
{
	struct world *w = *state;

	put(w->src, "1/x", "right", 0644);
	put(w->src, "2/x", "wrong", 0644);
	put(w->src, "3/x/in", "a directory", 0644);
	put(w->src, "4/z", "", 0644);
	assert_int_equal(linkat(w->src, "1/x", w->src, "4/y", 0), 0);
	assert_int_equal(linkat(w->src, "1/x", w->src, "4/zz", 0), 0);
	assert_int_equal(linkat(w->src, "2/x", w->src, "other", 0), 0);
	done(w, "COPY 1 2 4 /file/");
	has(w, "file/x", "wrong");
	has(w, "file/y", "right");
	assert_int_equal(stat_in(w, "file/x").st_nlink, 1);
	assert_int_equal(stat_in(w, "file/y").st_ino, stat_in(w, "file/zz").st_ino);
	done(w, "COPY 1 3 4 /dir/");
	has(w, "dir/x/in", "a directory");
	has(w, "dir/zz", "right");
	done(w, "COPY 1 1 /same/");
	has(w, "same/x", "right");
}

/* Not every file system gives the number of a removed inode to the next one, so the table is asked itself. */
static void a_name_that_goes_is_forgotten(void **state)
{
	struct copy_links links = { 0 };
	struct stat source = { .st_ino = 1, .st_mode = S_IFREG, .st_nlink = 2 }, changed = source;
	struct stat dest = { .st_ino = 7, .st_mode = S_IFREG }, other = dest, found;
	struct stat folder = { .st_ino = 8, .st_mode = S_IFDIR };

	(void)state;
	other.st_ino = 9;
	changed.st_ctim.tv_nsec = 1;
	copy_links_note(&links, &source, &dest, "/a");
	assert_string_equal(copy_links_find(&links, &source, &found), "/a");
	assert_int_equal(found.st_ino, 7);
	assert_null(copy_links_find(&links, &changed, &found));
	copy_links_forget(&links, &other);
	assert_non_null(copy_links_find(&links, &source, &found));
	copy_links_forget(&links, &dest);
	assert_null(copy_links_find(&links, &source, &found));
	copy_links_note(&links, &source, &dest, "/a");
	copy_links_note(&links, &source, &other, "/b");
	assert_string_equal(copy_links_find(&links, &source, &found), "/b");
	copy_links_forget(&links, &folder);
	assert_null(copy_links_find(&links, &source, &found));
	assert_int_equal(links.n, 0);
	copy_links_done(&links);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(files_and_directories_go_where_the_reference_says),
		CASE(wildcards_match_names),
		CASE(the_context_cannot_be_left),
		CASE(symlinks_that_are_named_are_followed_inside),
		CASE(what_is_there_is_merged_or_replaced),
		CASE(modes_owners_and_inline_files),
		CASE(ignored_and_excluded_files_stay_out),
		CASE(parents_are_kept_when_asked_for),
		CASE(the_digest_is_of_contents_not_of_times),
		CASE(plain_text_is_no_archive),
		CASE(names_of_one_file_stay_names_of_one_file),
		CASE(a_first_name_that_was_replaced_since_is_not_linked_to),
		cmocka_unit_test(a_name_that_goes_is_forgotten),
		cmocka_unit_test(sources_of_the_network_are_told_from_files),
	};

	harness_start(argc, argv);
	return harness_status(cmocka_run_group_tests_name(argv[0], tests, become_root, NULL));
}
