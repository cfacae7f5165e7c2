/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Platforms in Go's words ("linux/arm/v7") and the choice among an index's manifests. Older variants
 * of the same architecture run on newer machines, so they are taken when the exact one is missing;
 * never a newer one, never another architecture.
 */
#include "image/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/own.h"
#include "image/manifest_private.h"
#include "image/store_private.h"

struct platform {
	char os[32], arch[32], variant[32];
};

static const char *const machines[][2] = {
	{ "x86_64", "linux/amd64" },
	{ "aarch64", "linux/arm64" },
	{ "armv8l", "linux/arm/v7" },
	{ "armv7l", "linux/arm/v7" },
	{ "armv6l", "linux/arm/v6" },
	{ "i686", "linux/386" },
	{ "i586", "linux/386" },
	{ "ppc64le", "linux/ppc64le" },
	{ "s390x", "linux/s390x" },
	{ "riscv64", "linux/riscv64" },
	{ "loongarch64", "linux/loong64" },
	{ "mips64", "linux/mips64le" },
};

const char *platform_host(void)
{
	struct utsname name;

	if (uname(&name) < 0)
		return "linux/unknown";
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		if (strcmp(name.machine, machines[i][0]) == 0)
			return machines[i][1];
	}
	return "linux/unknown";
}

/* "linux/arm/v7", also "arm64" alone as Docker's --platform allows. */
static int parse(const char *text, struct platform *ret, struct err *err)
{
	char copy[100];
	char *part[3] = { copy, NULL, NULL };
	size_t n = 1;

	if (strlen(text) >= sizeof(copy) || !text[0])
		return err_set(
			err, -EINVAL, "\"%.40s\" is not a platform such as linux/amd64", text);
	(void)snprintf(copy, sizeof(copy), "%s", text);
	for (char *p = copy; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (n == 3)
			return err_set(
				err, -EINVAL, "\"%s\" is not a platform such as linux/amd64", text);
		part[n++] = p + 1;
	}
	if (n == 1) {
		part[1] = part[0];
		part[0] = (char *)"linux";
	}
	*ret = (struct platform){ 0 };
	(void)snprintf(ret->os, sizeof(ret->os), "%s", part[0]);
	(void)snprintf(ret->arch, sizeof(ret->arch), "%s", part[1]);
	(void)snprintf(ret->variant, sizeof(ret->variant), "%s", part[2] ? part[2] : "");
	if (strcmp(ret->arch, "x86_64") == 0)
		(void)snprintf(ret->arch, sizeof(ret->arch), "amd64");
	if (strcmp(ret->arch, "aarch64") == 0)
		(void)snprintf(ret->arch, sizeof(ret->arch), "arm64");
	return 0;
}

/* "v7" → 7; the variant that a bare architecture name stands for otherwise. */
static int level(const struct platform *p)
{
	int n = 0;

	if (p->variant[0] == 'v' && sscanf(p->variant + 1, "%d", &n) == 1)
		return n;
	if (strcmp(p->arch, "arm") == 0)
		return 7;
	return strcmp(p->arch, "arm64") == 0 ? 8 : 1;
}

/* 0 = does not run here; higher is nearer to what is wanted. */
static int score(const struct platform *have, const struct platform *want)
{
	if (strcmp(have->os, want->os) != 0 || strcmp(have->arch, want->arch) != 0)
		return 0;
	if (level(have) > level(want))
		return 0;
	return 1 + level(have);
}

static void describe(const struct platform *p, char *out, size_t size)
{
	char clean[100];
	char text[100];

	(void)snprintf(text, sizeof(text), "%s/%s%s%s", p->os, p->arch, p->variant[0] ? "/" : "",
		p->variant);
	(void)err_escape(clean, sizeof(clean), text);
	if (strlen(out) + strlen(clean) + 3 >= size)
		return;
	(void)snprintf(out + strlen(out), size - strlen(out), "%s%s", out[0] ? ", " : "", clean);
}

static void entry_platform(const struct json *entry, struct platform *ret)
{
	const struct json *p = json_get(entry, "platform");

	*ret = (struct platform){ 0 };
	(void)snprintf(ret->os, sizeof(ret->os), "%s", json_str(json_get(p, "os"), ""));
	(void)snprintf(
		ret->arch, sizeof(ret->arch), "%s", json_str(json_get(p, "architecture"), ""));
	(void)snprintf(
		ret->variant, sizeof(ret->variant), "%s", json_str(json_get(p, "variant"), ""));
}

static int check_config(const struct json *config, const char *name, const char *platform,
	const char *hint, struct err *err)
{
	struct platform want, have = { 0 };
	char text[100] = "";

	TRY(parse(platform, &want, err));
	(void)snprintf(have.os, sizeof(have.os), "%s", json_str(json_get(config, "os"), ""));
	(void)snprintf(
		have.arch, sizeof(have.arch), "%s", json_str(json_get(config, "architecture"), ""));
	(void)snprintf(have.variant, sizeof(have.variant), "%s",
		json_str(json_get(config, "variant"), ""));
	if (score(&have, &want) > 0)
		return 0;
	describe(&have, text, sizeof(text));
	return err_id(err, -ENOENT, "E-ARCH",
		"image %s was found but is not for the wanted platform: wanted %s, it is for %s%s",
		name, platform, text, hint);
}

int image_check_platform(const struct image *image, const char *platform, struct err *err)
{
	return check_config(image->config, image->ref, platform,
		". Another one can be pulled with --pull missing or --pull always", err);
}

int found_check_platform(
	const struct found *found, const char *name, const char *platform, struct err *err)
{
	return platform ? check_config(found->config, name, platform, "", err) : 0;
}

/* Fills os, architecture and, if there is one, variant. */
int platform_put(struct json *config, const char *platform, struct err *err)
{
	struct platform p;

	TRY(parse(platform, &p, err));
	json_put_string(config, "architecture", p.arch);
	json_put_string(config, "os", p.os);
	if (*p.variant)
		json_put_string(config, "variant", p.variant);
	return 0;
}

int manifest_select(
	const struct manifest *index, const char *platform, struct descriptor *ret, struct err *err)
{
	const struct json *list = json_get(index->doc, "manifests");
	const struct json *best = NULL;
	struct platform want, have;
	char available[240] = "";
	int best_score = 0;

	TRY(parse(platform ? platform : platform_host(), &want, err));
	if (index->kind != DOC_INDEX)
		return err_set(
			err, -EINVAL, "this manifest is for one platform, there is none to choose");
	json_each (it, list) {
		int points;

		entry_platform(it.value, &have);
		points = score(&have, &want);
		if (points > best_score) {
			best_score = points;
			best = it.value;
		}
		if (have.os[0] && strcmp(have.os, "unknown") != 0)
			describe(&have, available, sizeof(available));
	}
	/* A lone entry that names no platform: what the image is will be seen in its config. */
	if (!best && json_len(list) == 1 && !json_get(json_at(list, 0), "platform"))
		best = json_at(list, 0);
	if (best)
		return descriptor_parse(best, ret, err);
	return err_id(err, -ENOENT, "E-ARCH",
		"the image is not made for %s/%s%s%s, and this machine has no emulator for others. "
		"Available: %s",
		want.os, want.arch, want.variant[0] ? "/" : "", want.variant,
		available[0] ? available : "nothing");
}
