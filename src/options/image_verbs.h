/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the commands that carry images in and out. Rules as in verbs.h, which includes this. */
#ifndef SBX_OPTIONS_IMAGE_VERBS_H
#define SBX_OPTIONS_IMAGE_VERBS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"

#define RETRY_DEFAULT (-1)

/* How a registry is talked to; the part of pull and push. */
struct server_opts {
	char *creds;     /* USERNAME:PASSWORD, or NULL = the stored login */
	char *authfile;  /* the only login file to read, or NULL */
	bool tls_verify; /* as told; if not told (tls_told) the configuration decides */
	bool tls_told;
	int64_t retry; /* failures of the moment that are tried again; RETRY_DEFAULT */
};
#define SERVER_OPTS_INIT                                   \
	{                                                  \
		.tls_verify = true, .retry = RETRY_DEFAULT \
	}
/* The arguments that say the same. */
void server_opts_args(const struct server_opts *opts, struct strv *args);
void server_opts_done(struct server_opts *opts);

enum save_format {
	SAVE_BOTH, /* docker-archive and OCI layout in one archive */
	SAVE_OCI_ARCHIVE,
	SAVE_DOCKER_ARCHIVE,
	SAVE_OCI_DIR,
	SAVE_DOCKER_DIR,
};

struct save_opts {
	char *output; /* NULL = stdout */
	char *platform;
	enum save_format format;
	bool quiet, many; /* accepted: nothing is said, and several images are always possible */
	struct strv images;
};

struct load_opts {
	char *input; /* NULL = stdin */
	char *platform;
	bool quiet;
};

struct export_opts {
	char *output; /* NULL = stdout */
	char *container;
};

struct import_opts {
	struct strv changes;
	char *message, *platform;
	bool quiet;   /* accepted: import says nothing but the id */
	char *source; /* file, URL or "-" */
	char *target; /* REPO[:TAG], ":TAG" or NULL */
};

struct commit_opts {
	struct strv changes;
	char *author, *message;
	bool pause;    /* true unless --pause=false or --no-pause */
	bool no_pause; /* has been counted in */
	char *container;
	char *target; /* REPO[:TAG] or NULL */
};

struct history_opts {
	bool human, no_trunc, quiet; /* human: true unless -H=false */
	char *format, *platform;
	char *image;
};

struct push_opts {
	bool quiet, all_tags;
	char *platform, *digestfile;
	struct server_opts server;
	char *image;
};

struct login_opts {
	bool password_stdin;
	char *user, *password; /* NULL = asked for */
	char *server;          /* as typed; NULL = Docker Hub */
};

struct logout_opts {
	bool all;
	char *server;
};

struct search_opts {
	bool no_trunc;
	int64_t limit, stars;               /* stars: at least so many */
	bool official, unofficial, nothing; /* only those; nothing: a filter that none passes */
	char *format;
	char *term;
};

struct check_opts { /* nothing owned */
	bool quiet, repair;
};

struct manifest_opts {
	bool insecure, verbose;
	char *image;
};

struct names_opts { /* of verbs that take names and nothing else */
	struct strv names;
};

int save_opts_parse(int argc, char **argv, struct save_opts *ret, struct err *err);
int load_opts_parse(int argc, char **argv, struct load_opts *ret, struct err *err);
int export_opts_parse(int argc, char **argv, struct export_opts *ret, struct err *err);
int import_opts_parse(int argc, char **argv, struct import_opts *ret, struct err *err);
int commit_opts_parse(int argc, char **argv, struct commit_opts *ret, struct err *err);
int history_opts_parse(int argc, char **argv, struct history_opts *ret, struct err *err);
int push_opts_parse(int argc, char **argv, struct push_opts *ret, struct err *err);
int login_opts_parse(int argc, char **argv, struct login_opts *ret, struct err *err);
int logout_opts_parse(int argc, char **argv, struct logout_opts *ret, struct err *err);
int search_opts_parse(int argc, char **argv, struct search_opts *ret, struct err *err);
int check_opts_parse(char **argv, struct check_opts *ret, struct err *err);
int untag_opts_parse(char **argv, struct names_opts *ret, struct err *err);
int exists_opts_parse(char **argv, struct names_opts *ret, struct err *err);
int container_exists_opts_parse(char **argv, struct names_opts *ret, struct err *err);
int healthcheck_opts_parse(char **argv, struct names_opts *ret, struct err *err);
int image_diff_opts_parse(char **argv, struct names_opts *ret, struct err *err);
int manifest_opts_parse(char **argv, struct manifest_opts *ret, struct err *err);

void save_opts_done(struct save_opts *opts);
void load_opts_done(struct load_opts *opts);
void export_opts_done(struct export_opts *opts);
void import_opts_done(struct import_opts *opts);
void commit_opts_done(struct commit_opts *opts);
void history_opts_done(struct history_opts *opts);
void push_opts_done(struct push_opts *opts);
void login_opts_done(struct login_opts *opts);
void logout_opts_done(struct logout_opts *opts);
void search_opts_done(struct search_opts *opts);
void manifest_opts_done(struct manifest_opts *opts);
void names_opts_done(struct names_opts *opts);

#endif
