/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor: tries what containers need, rung by rung, says what follows from it and how to mend what is missing.
 * The predictions are kept honest by tests/system/test_doctor.py, which does what they speak of.
 */
#include "commands/doctor.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/own.h"
#include "base/passwd.h"
#include "base/xalloc.h"
#include "commands/commands.h"
#include "commands/output.h"
#include "options/verbs.h"
#include "rootfs/rootfs.h"

static const char *const statuses[] = {
	[FINDING_OK] = "ok", [FINDING_LESS] = "less", [FINDING_FAILS] = "fails"
};

const char *doctor_part(const char *text, const char *mark)
{
	const char *at = text ? strstr(text, mark) : NULL;

	if (!at)
		return NULL;
	at += strlen(mark);
	return at + strspn(at, ":, ");
}

static void put_text(struct json *map, const char *key, const char *text)
{
	if (text && *text)
		json_put_string(map, key, text);
}

/* A message without its ways out, which have lines of their own. */
static void put_found(struct json *map, const char *text)
{
	static const char *const marks[] = { ". With", "; with root", ". Nothing to do" };
	autofree char *copy = xstrdup(text ? text : "");

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		char *at = strstr(copy, marks[i]);

		if (at)
			*at = '\0';
	}
	put_text(map, "found", copy);
}

void doctor_add(struct doctor *doctor, const struct check *check)
{
	struct json *row = json_new_map();

	json_put_string(row, "name", check->name);
	json_put_string(row, "status", statuses[check->finding]);
	put_text(row, "id", check->id);
	put_found(row, check->found);
	put_text(row, "mend", check->mend);
	put_text(row, "admin", check->admin);
	json_push(doctor->checks, row);
}

/* ---- what follows ---- */

static const char *ids_word(const struct doctor *doctor)
{
	static const char *const words[] = {
		[IDMAP_SINGLE] = "single", [IDMAP_SUBID] = "subordinate", [IDMAP_ROOT] = "root"
	};

	return doctor->has_map ? words[doctor->map.kind] : "none";
}

static const char *driver_word(const struct doctor *doctor)
{
	const char *wish = doctor->globals->storage_driver;

	if (wish && strcmp(wish, "auto") != 0)
		return strcmp(wish, "fuse") == 0 ? doctor->fuse ? "fuse" : "none"
		       : doctor->overlay         ? "overlay"
						 : "none";
	return doctor->overlay ? "overlay" : doctor->fuse ? "fuse" : "none";
}

/* What `sbx run --network none IMAGE` ends with; the first that is missing is the first that it meets. */
static const char *trouble_alone(const struct doctor *doctor)
{
	const char *wish = doctor->globals->storage_driver;

	if (doctor->run_id[0])
		return doctor->run_id;
	if (!doctor->userns || !doctor->has_map || !doctor->store || !doctor->helpers)
		return "?";
	if (strcmp(driver_word(doctor), "none") == 0)
		return wish && strcmp(wish, "overlay") == 0 ? "E-OVERLAY-REFUSED" : "E-FUSE-NODEV";
	return NULL;
}

/* And without the option: the network comes before the root file system. */
static const char *run_trouble(const struct doctor *doctor)
{
	bool begins = !doctor->run_id[0] && doctor->userns && doctor->has_map && doctor->store &&
		      doctor->helpers;

	return begins && !doctor->tun ? "E-NET-NOTUN" : trouble_alone(doctor);
}

static struct json *predict(struct doctor *doctor)
{
	struct json *doc = json_new_map();
	const char *trouble = run_trouble(doctor);

	json_put_bool(doc, "run", !trouble);
	if (trouble)
		json_put_string(doc, "runError", trouble);
	json_put_bool(doc, "runWithoutNetwork", !trouble_alone(doctor));
	json_put_string(doc, "ids", ids_word(doctor));
	json_put_string(doc, "driver", driver_word(doctor));
	json_put_string(doc, "network", doctor->tun ? "bridge" : "none");
	json_put_bool(doc, "limits", doctor->limits);
	return doc;
}

static void add_prediction(const struct json *doc, struct buf *out)
{
	const char *trouble = json_str(json_get(doc, "runError"), NULL);

	buf_adds(out, "\nHere `sbx run` ");
	if (trouble)
		buf_addf(out, "will not work (%s).\n",
			strcmp(trouble, "?") == 0 ? "see \"fails\" above" : trouble);
	else
		buf_addf(out, "will work: %s ids, driver %s, network %s, limits %s.\n",
			json_str(json_get(doc, "ids"), ""), json_str(json_get(doc, "driver"), ""),
			json_str(json_get(doc, "network"), ""),
			json_bool(json_get(doc, "limits"), false) ? "enforced" : "refused");
	if (trouble && json_bool(json_get(doc, "runWithoutNetwork"), false))
		buf_adds(out, "With --network none or --network host it will.\n");
	if (trouble && strcmp(trouble, "?") != 0)
		buf_addf(out, "`sbx explain %s` says more.\n", trouble);
}

/* ---- printing ---- */

static void add_line(struct buf *out, const char *label, const struct json *text)
{
	if (text)
		buf_addf(out, "%-34s%s: %s\n", "", label, json_str(text, ""));
}

static void print_report(const struct doctor *doctor, const struct json *doc, struct buf *out)
{
	json_each (it, doctor->checks) {
		const char *id = json_str(json_get(it.value, "id"), NULL);

		buf_addf(out, "%-6s %-26s ", json_str(json_get(it.value, "status"), ""),
			json_str(json_get(it.value, "name"), ""));
		out_escape(json_str(json_get(it.value, "found"), ""), out);
		buf_addf(out, "%s%s%s\n", id ? " (" : "", id ? id : "", id ? ")" : "");
		add_line(out, "without root", json_get(it.value, "mend"));
		add_line(out, "with root", json_get(it.value, "admin"));
	}
	add_prediction(doc, out);
}

static void print_mail(const struct doctor *doctor, struct buf *out)
{
	autopasswd struct passwd_entry user = { 0 };
	struct err ignored = ERR_INIT;
	struct utsname uts = { .nodename = "this machine", .release = "?" };
	const char *name = passwd_lookup(geteuid(), &user, &ignored) == 0 ? user.name : "a user";
	size_t n = 0;

	(void)uname(&uts); /* cannot fail with this argument */
	buf_addf(out,
		"Subject: containers without root on %s\n\nHello,\n\n"
		"I use sbx %s as %s on %s (Linux %s): containers without root and without a daemon.\n",
		uts.nodename, SBX_VERSION, name, uts.nodename, uts.release);
	json_each (it, doctor->checks) {
		const char *admin = json_str(json_get(it.value, "admin"), NULL);

		if (!admin)
			continue;
		if (n++ == 0)
			buf_adds(out, "These would help, in this order:\n");
		buf_addf(out, "\n%zu. %s: ", n, json_str(json_get(it.value, "name"), ""));
		out_escape(json_str(json_get(it.value, "found"), ""), out);
		buf_addf(out, "\n     %s\n", admin);
	}
	buf_adds(
		out, n ? "\nNone of it gives me rights outside my own containers. Thank you!\n"
		       : "\nNothing is missing here, so there is nothing to ask for. Thank you!\n");
}

int cmd_doctor(struct globals *globals, int argc, char **argv, struct err *err)
{
	autojson struct json *checks = json_new_list(), *doc = NULL;
	struct doctor doctor = { .globals = globals, .checks = checks };
	struct doctor_opts opts = { 0 };
	autobuf struct buf out = BUF_INIT;
	bool works;

	TRY(doctor_opts_parse(argc, argv, &opts, err));
	doctor_check_ids(&doctor);
	doctor_check_files(&doctor);
	doctor_check_kernel(&doctor);
	doc = predict(&doctor);
	works = json_bool(json_get(doc, "run"), false);
	if (opts.for_admin) {
		print_mail(&doctor, &out);
	} else if (opts.json) {
		autojson struct json *all = json_new_map();

		json_put(all, "checks", json_ref(checks));
		json_put(all, "prediction", json_ref(doc));
		json_write(all, 2, &out);
		buf_addc(&out, '\n');
	} else {
		print_report(&doctor, doc, &out);
	}
	TRY(out_write(&out, err));
	return works || opts.for_admin ? 0 : 1;
}
