/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the login files of Docker and of Podman and friends, and asks their
 * credential helpers ("docker-credential-NAME get": the host on stdin, JSON on stdout).
 *
 * A host is compared to the letter, port included: "registry.io" never matches
 * "evil-registry.io" or "registry.io.evil". A file that others may write to is not believed.
 */
#include "image/creds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/spawn.h"
#include "base/xalloc.h"
#include "image/auth.h"

#define FILE_BYTES_MAX   (1 << 20)
#define ANSWER_BYTES_MAX (64 << 10)

void creds_done(struct creds *creds)
{
	free(creds->user);
	free(creds->secret);
	free(creds->identity_token);
	free(creds->source);
	*creds = (struct creds){ 0 };
}

/* ---- one file ---- */

/* Docker stores keys as "host", "https://host" or "https://host/v1/". Hub has several names. */
bool creds_key_is(const char *key, const char *host)
{
	const char *scheme = strstr(key, "://");
	size_t n;

	if (strcmp(host, "docker.io") == 0 &&
		(strcmp(key, CREDS_HUB_KEY) == 0 || strcmp(key, "index.docker.io") == 0 ||
			strcmp(key, "registry-1.docker.io") == 0))
		return true;
	if (!scheme)
		return strcmp(key, host) == 0;
	key = scheme + 3;
	n = strcspn(key, "/");
	if (key[n] && strcmp(key + n, "/") != 0 && strcmp(key + n, "/v1/") != 0 &&
		strcmp(key + n, "/v2/") != 0)
		return false;
	return n == strlen(host) && memcmp(key, host, n) == 0;
}

/* The most specific entry: "host/a/b", "host/a", "host", then Docker's spellings of host. */
static const struct json *find_entry(const struct json *auths, const char *host, const char *path)
{
	autofree char *key = xasprintf("%s/%s", host, path);

	for (;;) {
		const struct json *entry = json_get(auths, key);
		char *slash = strrchr(key, '/');

		if (entry)
			return entry;
		if (!slash)
			break;
		*slash = '\0';
	}
	json_each (it, auths)
		if (creds_key_is(it.key, host))
			return it.value;
	return NULL;
}

static int take_pair(const char *auth, struct creds *ret, struct err *err)
{
	autofree char *plain = base64_decode(auth);
	char *colon = plain ? strchr(plain, ':') : NULL;

	if (!colon || colon == plain)
		return err_set(err, -EINVAL, "\"auth\" is not base64 of user:password");
	ret->user = xstrndup(plain, (size_t)(colon - plain));
	ret->secret = xstrdup(colon + 1);
	return 1;
}

int creds_from_json(const struct json *doc, const char *host, const char *path, struct creds *ret,
	struct err *err)
{
	const struct json *entry = find_entry(json_get(doc, "auths"), host, path);
	const char *auth = json_str(json_get(entry, "auth"), "");
	const char *user = json_str(json_get(entry, "username"), "");
	const char *secret = json_str(json_get(entry, "password"), "");
	const char *token = json_str(json_get(entry, "identitytoken"), "");
	autocreds struct creds found = { 0 };

	if (*auth)
		TRY(take_pair(auth, &found, err));
	else if (*user && *secret)
		found = (struct creds){ .user = xstrdup(user), .secret = xstrdup(secret) };
	if (*token)
		found.identity_token = xstrdup(token);
	if (!found.user && !found.identity_token)
		return 0;
	*ret = found;
	found = (struct creds){ 0 };
	return 1;
}

/* ---- helpers ---- */

const char *creds_helper(const struct json *doc, const char *host)
{
	json_each (it, json_get(doc, "credHelpers"))
		if (creds_key_is(it.key, host))
			return json_str(it.value, NULL);
	return json_str(json_get(doc, "credsStore"), NULL);
}

int creds_from_helper(const char *text, size_t len, struct creds *ret, struct err *err)
{
	autojson struct json *doc = NULL;
	const char *user, *secret;

	TRY(json_parse(text, len, &doc, err));
	user = json_str(json_get(doc, "Username"), "");
	secret = json_str(json_get(doc, "Secret"), "");
	if (!*user || !*secret)
		return err_set(err, -EINVAL, "no Username and Secret in its answer");
	if (strcmp(user, "<token>") == 0)
		*ret = (struct creds){ .identity_token = xstrdup(secret) };
	else
		*ret = (struct creds){ .user = xstrdup(user), .secret = xstrdup(secret) };
	return 1;
}

static int feed(const char *text, struct err *err)
{
	autofd int fd = memfd_create("sbx-credential-helper", MFD_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "memfd_create");
	TRY(fs_write_all(fd, text, strlen(text), err));
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(err, "lseek");
	return move_fd(&fd);
}

int creds_call_helper(
	const char *name, const char *verb, const char *text, char **ret_answer, struct err *err)
{
	autofree char *program = xasprintf("docker-credential-%s", name), *answer = NULL;
	autofree char *word = xstrdup(verb);
	autofd int in = -EBADF;
	char *argv[] = { program, word, NULL };
	struct spawn_fd fds[] = { { .to = STDIN_FILENO } };
	struct spawn spawn = {
		.path = program, .argv = argv, .fds = fds, .n_fds = ARRAY_SIZE(fds)
	};
	int r;

	if (name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")])
		return err_set(err, -EINVAL, "the name has characters that no program has");
	in = feed(text, err);
	TRY(in);
	fds[0].from = in;
	r = spawn_capture(&spawn, ANSWER_BYTES_MAX, &answer, err);
	if (r >= 0 && ret_answer)
		*ret_answer = move_ptr(&answer);
	return r;
}

/* 1 found, 0 the helper knows none or failed, -errno its answer or its name is bad. */
static int ask_helper(const char *name, const char *host, struct creds *ret, struct err *err)
{
	const char *server = strcmp(host, "docker.io") == 0 ? CREDS_HUB_KEY : host;
	autofree char *answer = NULL;
	int r = creds_call_helper(name, "get", server, &answer, err);

	if (r < 0)
		return r;
	if (r > 0)
		return 0; /* its way to say "credentials not found" */
	return creds_from_helper(answer, strlen(answer), ret, err);
}

/* ---- the files of this machine ---- */

/* A login file others can read has already leaked; one others can write is not ours any more. */
static int judge_mode(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys(err, "stat");
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "not a regular file");
	if ((st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & 022))
		return err_set(err, -EPERM, "others own it or may write to it");
	if (st.st_mode & 044)
		log_msg(LOG_WARN, "%s holds passwords and can be read by others: chmod 600 it",
			path);
	return 0;
}

static int find_in(const char *path, const char *host, const char *repository, struct creds *ret,
	struct err *err)
{
	autojson struct json *doc = NULL;
	const char *helper;
	int r;

	TRY(judge_mode(path, err));
	TRY(json_read_at(AT_FDCWD, path, FILE_BYTES_MAX, &doc, err));
	helper = creds_helper(doc, host);
	r = helper ? ask_helper(helper, host, ret, err) : 0;
	if (r < 0)
		return err_wrap(err, "credential helper docker-credential-%s", helper);
	if (r > 0) {
		ret->source = xasprintf("docker-credential-%s", helper);
		return 1;
	}
	r = creds_from_json(doc, host, repository, ret, err);
	if (r > 0)
		ret->source = xstrdup(path);
	return r;
}

static void add_path(struct strv *paths, const char *dir, const char *rest)
{
	if (dir && *dir == '/')
		strv_addf(paths, "%s%s", dir, rest);
}

void creds_files(struct strv *paths)
{
	const char *only = getenv("REGISTRY_AUTH_FILE"), *home = getenv("HOME");
	const char *config = getenv("XDG_CONFIG_HOME"), *docker = getenv("DOCKER_CONFIG");

	if (only && *only) {
		strv_add(paths, only);
		return;
	}
	if (config && *config)
		add_path(paths, config, "/sbx/auth.json");
	else
		add_path(paths, home, "/.config/sbx/auth.json");
	add_path(paths, getenv("XDG_RUNTIME_DIR"), "/containers/auth.json");
	if (config && *config)
		add_path(paths, config, "/containers/auth.json");
	else
		add_path(paths, home, "/.config/containers/auth.json");
	if (docker && *docker)
		add_path(paths, docker, "/config.json");
	else
		add_path(paths, home, "/.docker/config.json");
}

int creds_find(const char *host, const char *path, struct creds *ret)
{
	autostrv struct strv files = STRV_INIT;

	creds_files(&files);
	strv_each (file, &files) {
		struct err err = ERR_INIT;
		int r;

		if (access(*file, F_OK) < 0)
			continue;
		r = find_in(*file, host, path, ret, &err);
		if (r > 0)
			return 1;
		if (r < 0)
			log_msg(LOG_WARN, "login file %s is not used: %s", *file, err.text);
	}
	return 0;
}

char *creds_source(const char *host)
{
	autocreds struct creds found = { 0 };

	return creds_find(host, "", &found) > 0 ? move_ptr(&found.source) : NULL;
}

char *creds_helper_of(const char *host)
{
	autostrv struct strv files = STRV_INIT;

	creds_files(&files);
	strv_each (file, &files) {
		autojson struct json *doc = NULL;
		struct err ignored = ERR_INIT; /* creds_find() warns about such files */
		const char *helper;

		if (access(*file, F_OK) < 0 || judge_mode(*file, &ignored) < 0 ||
			json_read_at(AT_FDCWD, *file, FILE_BYTES_MAX, &doc, &ignored) < 0)
			continue;
		helper = creds_helper(doc, host);
		if (helper)
			return xstrdup(helper);
	}
	return NULL;
}
