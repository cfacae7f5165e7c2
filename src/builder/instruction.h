/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed instructions: each node checked, its flags read, its words given their meaning. Values still
 * hold $variables; instruction_expand() replaces them with those of the moment.
 */
#ifndef SBX_BUILDER_INSTRUCTION_H
#define SBX_BUILDER_INSTRUCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strv.h"
#include "builder/dockerfile.h"
#include "builder/words.h"

enum instruction_kind {
	INS_ADD,
	INS_ARG,
	INS_CMD,
	INS_COPY,
	INS_ENTRYPOINT,
	INS_ENV,
	INS_EXPOSE,
	INS_FROM,
	INS_HEALTHCHECK,
	INS_LABEL,
	INS_MAINTAINER,
	INS_ONBUILD,
	INS_RUN,
	INS_SHELL,
	INS_STOPSIGNAL,
	INS_USER,
	INS_VOLUME,
	INS_WORKDIR,
	INS_KINDS,
};

/* ENV, LABEL, ARG. */
struct pair {
	char *key;
	char *value; /* NULL: ARG without "=" */
	bool bare;   /* "ENV key value", without "=" */
};

enum choice3 { CHOICE_UNSAID, CHOICE_NO, CHOICE_YES };

/* ADD, COPY. Heredoc sources are in `inlines`. */
struct copy_words {
	struct strv sources;
	char *dest;
	char *from;     /* COPY --from; NULL = the build context */
	char *chown;    /* "user[:group]" or NULL */
	char *chmod;    /* octal or symbolic, or NULL */
	char *checksum; /* ADD --checksum, or NULL */
	struct strv excludes;
	bool link, parents;
	enum choice3 unpack, keep_git_dir;
	struct copy_inline {
		char *name; /* file name: the heredoc's word */
		char *data; /* tabs removed where asked */
		bool expand;
	} * inlines;
	size_t n_inlines;
};

enum run_mount_type { MOUNT_BIND, MOUNT_CACHE, MOUNT_TMPFS, MOUNT_SECRET, MOUNT_SSH };
enum run_sharing { SHARING_SHARED, SHARING_PRIVATE, SHARING_LOCKED };
enum run_network { RUN_NETWORK_DEFAULT, RUN_NETWORK_NONE, RUN_NETWORK_HOST };

#define RUN_ID_UNSET UINT32_MAX

struct run_mount {
	enum run_mount_type type;
	char *from, *source, *target, *id; /* NULL = not given */
	char *env;                         /* secret: variable; NULL = none */
	bool readonly, required;
	enum run_sharing sharing;
	int64_t size;            /* tmpfs; 0 = no limit */
	uint32_t mode, uid, gid; /* RUN_ID_UNSET = not given */
};

void run_mount_done(struct run_mount *mount);

/* RUN --mount, --network, --security. */
struct run_words {
	struct strv
		mount_texts; /* --mount values as written; read again when variables are known */
	struct run_mount *mounts;
	size_t n_mounts;
	enum run_network network;
	bool insecure; /* --security=insecure */
};

enum health_kind { HEALTH_NONE, HEALTH_EXEC, HEALTH_SHELL };

struct health_words {
	enum health_kind kind;
	int64_t interval, timeout, start_period, start_interval; /* nanoseconds; 0 = default */
	int retries;                                             /* 0 = default */
};

struct instruction {
	enum instruction_kind kind;
	char *text; /* as written, continuations joined, without heredoc bodies */
	struct lines lines;
	/* RUN CMD ENTRYPOINT SHELL HEALTHCHECK: words of the exec form, or one shell line.
	 * EXPOSE VOLUME: all. WORKDIR USER STOPSIGNAL MAINTAINER: one. FROM: the base.
	 * ONBUILD: the trigger's text, heredocs included. */
	struct strv args;
	bool exec_form;
	struct heredoc *heredocs; /* of RUN */
	size_t n_heredocs;
	struct pair *pairs;
	size_t n_pairs;
	char *stage_name; /* FROM … AS name, in lower case; NULL without */
	char *platform;   /* FROM --platform; NULL without */
	struct copy_words copy;
	struct run_words run;
	struct health_words health;
};
#define autoinstruction __attribute__((cleanup(instruction_done)))
void instruction_done(struct instruction *in);

const char *instruction_name(enum instruction_kind kind); /* "COPY" */

/* Checks a node and reads it. -EINVAL with BuildKit's words: "unknown instruction: RUM (did you mean
 * RUN?)", "FROM requires either one or three arguments". Pure. */
int instruction_parse(const struct node *node, struct instruction *ret, struct err *err);

/* Replaces variables where the Dockerfile reference says so: ADD ARG COPY ENV EXPOSE LABEL STOPSIGNAL
 * USER VOLUME WORKDIR, values of RUN --mount; EXPOSE may become more words. Leaves the others alone (FROM
 * belongs to stage.h). Call it on a copy when the original is needed again. */
int instruction_expand(struct instruction *in, const struct expansion *how, struct err *err);
void instruction_copy(const struct instruction *from, struct instruction *ret);

/* The text that RUN gives to the shell: the line, or for heredocs what BuildKit runs:
 * - "RUN <<EOT" alone: the body is the script; a "#!" first line makes it a program of its own
 * - "RUN <<EOT bash" and all others: the line and the bodies as they stand, for the shell.
 * *ret_script: the body must be written to a file (mode 0755) and executed. Caller frees *ret. */
char *instruction_shell_text(const struct instruction *in, bool *ret_script);

/* Ports of an expanded EXPOSE as "80/tcp", ranges spread ("80-82/udp"). */
int instruction_ports(const struct instruction *in, struct strv *ret, struct err *err);

#endif
