/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks that the user makes. One directory each, which holds network.json; making and removing are
 * serialised by <root>/networks/.lock, so a directory without a record is what a killed maker left, and
 * free to be taken over. Running containers know their network by what the monitor read: a record is
 * needed for starts only.
 */
#include "network/network.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "network/subnet.h"
#include "network/subnet6.h"

#define RECORD_NAME "network.json"
#define RECORD_MAX  (1u << 20)
#define LOCK_NAME   ".lock"
#define VERSION     1
#define ROUTES_MAX  (4 * 1024 * 1024)

void network_record_done(struct network_record *record)
{
	json_free(record->labels);
	json_free(record->options);
	json_free(record->aux);
	free(record->egress);
	*record = (struct network_record){ 0 };
}

static int open_folder(const struct globals *globals, bool create, struct err *err)
{
	autofree char *path = xasprintf("%s/networks", globals->root);
	int fd;

	if (create)
		TRY(fs_mkdirs(path, 0700, err));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(err, "open the folder of networks '%s'", path) : fd;
}

/* Also a file's name. */
static bool name_valid(const char *name)
{
	static const char letters[] =
		"_.-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t len = strlen(name);

	return len && len < sizeof(((struct network_record *)0)->name) &&
	       strspn(name, letters) == len && strspn(name, "_.-") == 0;
}

/* ---- reading ---- */

static void take(const struct json *doc, const char *key, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s", json_str(json_get(doc, key), ""));
}

static int check_addresses(const struct network_record *record, struct err *err)
{
	struct subnet subnet, range;
	struct in_addr gateway;

	TRY(subnet_parse(record->subnet, &subnet, err));
	if (subnet.prefix < SUBNET_MIN_PREFIX || subnet.prefix > SUBNET_MAX_PREFIX)
		return err_set(err, -EINVAL, "invalid subnet %s: from /%d to /%d are possible",
			record->subnet, SUBNET_MIN_PREFIX, SUBNET_MAX_PREFIX);
	if (inet_pton(AF_INET, record->gateway, &gateway) != 1)
		return err_set(err, -EINVAL, "invalid gateway address \"%s\"", record->gateway);
	if (!subnet_has_host(&subnet, gateway))
		return err_set(err, -EINVAL, "no matching subnet for gateway %s", record->gateway);
	TRY(subnet6_check(record->subnet6, record->gateway6, err));
	if (!*record->ip_range)
		return 0;
	TRY(subnet_parse(record->ip_range, &range, err));
	if (range.prefix <= subnet.prefix || !subnet_overlaps(&subnet, &range))
		return err_set(err, -EINVAL, "no matching subnet for range %s", record->ip_range);
	return 0;
}

static bool in_subnet6(const struct network_record *record, const char *address)
{
	struct in6_addr own, given;

	return inet_pton(AF_INET6, address, &given) == 1 &&
	       inet_pton(AF_INET6, record->gateway6, &own) == 1 &&
	       memcmp(&own, &given, SUBNET6_BYTES) == 0;
}

static int check_aux(const struct network_record *record, struct err *err)
{
	struct subnet subnet;
	struct in_addr v4;
	struct in6_addr v6;

	TRY(subnet_parse(record->subnet, &subnet, err));
	json_each (it, record->aux) {
		const char *address = json_str(it.value, "");

		if (inet_pton(AF_INET, address, &v4) != 1 && inet_pton(AF_INET6, address, &v6) != 1)
			return err_set(err, -EINVAL, "invalid auxiliary address %s", address);
		if (strchr(address, ':') ? !in_subnet6(record, address)
					 : !subnet_has_host(&subnet, v4))
			return err_set(
				err, -EINVAL, "no matching subnet for aux-address %s", address);
	}
	return 0;
}

/* -ENOENT: there is no (whole) network of that name. */
static int read_record(int folder, const char *name, struct network_record *ret, struct err *err)
{
	autofree char *path = xasprintf("%s/" RECORD_NAME, name);
	autojson struct json *doc = NULL;
	autonetworkrecord struct network_record record = { 0 };

	TRY(json_read_at(folder, path, RECORD_MAX, &doc, err));
	take(doc, "id", record.id, sizeof(record.id));
	take(doc, "created", record.created, sizeof(record.created));
	take(doc, "subnet", record.subnet, sizeof(record.subnet));
	take(doc, "gateway", record.gateway, sizeof(record.gateway));
	take(doc, "ipRange", record.ip_range, sizeof(record.ip_range));
	(void)snprintf(record.name, sizeof(record.name), "%s", name);
	take(doc, "subnet6", record.subnet6, sizeof(record.subnet6));
	take(doc, "gateway6", record.gateway6, sizeof(record.gateway6));
	record.ipv6 = *record.subnet6;
	record.internal = json_bool(json_get(doc, "internal"), false);
	record.attachable = json_bool(json_get(doc, "attachable"), false);
	record.mtu = (int)json_int(json_get(doc, "mtu"), 0);
	record.aux = json_ref(json_get(doc, "auxAddresses"));
	if (json_int(json_get(doc, "version"), 0) != VERSION || strlen(record.id) != 64 ||
		check_addresses(&record, err) < 0 || check_aux(&record, err) < 0)
		return err_set(err, -EINVAL,
			"the record of network %s is damaged; remove it: rm -r "
			"networks/%s in sbx's data folder",
			name, name);
	if (*json_str(json_get(doc, "egress"), ""))
		record.egress = xstrdup(json_str(json_get(doc, "egress"), ""));
	record.labels = json_ref(json_get(doc, "labels"));
	record.options = json_ref(json_get(doc, "options"));
	*ret = record;
	record = (struct network_record){ 0 };
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct network_record *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int list_names(int folder, struct strv *ret, struct err *err)
{
	int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autodir DIR *stream = again < 0 ? NULL : fdopendir(again); /* takes again over */

	if (!stream)
		return err_sys(err, "list the folder of networks");
	for (struct dirent *e = readdir(stream); e; e = readdir(stream))
		if (name_valid(e->d_name))
			strv_add(ret, e->d_name);
	return 0;
}

static void list_free(struct network_record *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		network_record_done(&list[i]);
	free(list);
}

static int list_in(int folder, struct network_record **ret, size_t *ret_n, struct err *err)
{
	autostrv struct strv names = STRV_INIT;
	struct network_record *list;
	size_t n = 0;

	TRY(list_names(folder, &names, err));
	list = xcalloc(names.n + 1, sizeof(*list));
	strv_each (name, &names) {
		struct err why = ERR_INIT;
		int r = read_record(folder, *name, &list[n], &why);

		n += r == 0;
		if (r < 0 && r != -ENOENT && r != -ENOTDIR) {
			list_free(list, n);
			*err = why;
			return r;
		}
	}
	qsort(list, n, sizeof(*list), by_name);
	*ret = list;
	*ret_n = n;
	return 0;
}

int network_list(
	const struct globals *globals, struct network_record **ret, size_t *ret_n, struct err *err)
{
	autofd int folder = open_folder(globals, false, err);

	if (folder == -ENOENT) {
		*err = (struct err)ERR_INIT;
		*ret = xcalloc(1, sizeof(**ret));
		*ret_n = 0;
		return 0;
	}
	TRY(folder);
	return list_in(folder, ret, ret_n, err);
}

/* An id or the beginning of one. */
static int open_by_id(int folder, const char *id, struct network_record *ret, struct err *err)
{
	struct network_record *list = NULL;
	size_t n = 0, found = 0, which = 0;

	TRY(list_in(folder, &list, &n, err));
	for (size_t i = 0; i < n && *id; i++) {
		if (strncmp(list[i].id, id, strlen(id)) != 0)
			continue;
		which = i;
		found++;
	}
	if (found == 1) {
		*ret = list[which];
		list[which] = (struct network_record){ 0 };
	}
	list_free(list, n);
	if (found > 1)
		return err_set(err, -ENOTUNIQ, "network %s is ambiguous (%zu matches)", id, found);
	return found ? 0 : err_set(err, -ENOENT, "network %s not found", id);
}

int network_open(const struct globals *globals, const char *name, struct network_record *ret,
	struct err *err)
{
	autofd int folder = globals->root ? open_folder(globals, false, err) : -ENOENT;
	int r;

	if (folder == -ENOENT)
		return err_set(err, -ENOENT, "network %s not found", name);
	TRY(folder);
	r = name_valid(name) ? read_record(folder, name, ret, err) : -ENOENT;
	if (r != -ENOENT && r != -ENOTDIR)
		return r;
	*err = (struct err)ERR_INIT;
	return open_by_id(folder, name, ret, err);
}

/* ---- making ---- */

static int choose_subnet(
	struct network_record *record, const struct subnet *taken, size_t n, struct err *err)
{
	struct err none = ERR_INIT;
	autofree char *routes = NULL;
	struct subnet subnet;

	if (*record->subnet)
		return 0;
	if (*record->gateway || *record->ip_range)
		return err_set(err, -EINVAL, "no matching subnet for %s %s",
			*record->gateway ? "gateway" : "range",
			*record->gateway ? record->gateway : record->ip_range);
	if (fs_read_at(AT_FDCWD, "/proc/net/route", ROUTES_MAX, &routes, NULL, &none) < 0)
		log_err(&none); /* then nothing is known to clash */
	subnet = subnet_choose(record->name, routes ? routes : "", taken, n);
	for (size_t i = 0; i < n; i++) {
		if (subnet_overlaps(&subnet, &taken[i])) /* then there was no free one */
			return err_set(err, -ENOSPC,
				"all predefined address pools have been fully subnetted; choose one: "
				"--subnet CIDR");
	}
	subnet_format(&subnet, record->subnet);
	return 0;
}

static int choose_gateway(struct network_record *record, struct err *err)
{
	struct subnet subnet;
	struct in_addr gateway;

	TRY(subnet_parse(record->subnet, &subnet, err));
	if (*record->gateway)
		return 0;
	gateway = subnet_first_host(&subnet);
	(void)inet_ntop(AF_INET, &gateway, record->gateway, sizeof(record->gateway));
	return 0;
}

/* An IPv6 subnet is given with --ipv6 only; without one the network has its own, made of its id. */
static int choose_ipv6(struct network_record *record, struct err *err)
{
	if (!record->ipv6 && (*record->subnet6 || *record->gateway6))
		return err_set(err, -EINVAL,
			"IPv6 address %s is given, so --ipv6 must be given too",
			*record->subnet6 ? record->subnet6 : record->gateway6);
	if (!record->ipv6)
		return 0;
	if (!*record->subnet6 && *record->gateway6)
		return err_set(err, -EINVAL, "no matching subnet for gateway %s", record->gateway6);
	if (!*record->subnet6)
		subnet6_choose(record->id, record->subnet6);
	if (!*record->gateway6)
		TRY(subnet6_first_host(record->subnet6, record->gateway6, err));
	return 0;
}

static int check_against(
	struct network_record *record, const struct network_record *list, size_t n, struct err *err)
{
	autofree struct subnet *taken = xcalloc(n + 1, sizeof(*taken));
	struct subnet own;

	for (size_t i = 0; i < n; i++)
		TRY(subnet_parse(list[i].subnet, &taken[i], err));
	TRY(choose_subnet(record, taken, n, err));
	TRY(choose_gateway(record, err));
	TRY(choose_ipv6(record, err));
	TRY(check_addresses(record, err));
	TRY(check_aux(record, err));
	TRY(subnet_parse(record->subnet, &own, err));
	for (size_t i = 0; i < n; i++) {
		if (*record->subnet6 && subnet6_same(record->subnet6, list[i].subnet6))
			return err_set(err, -EINVAL,
				"invalid pool request: Pool overlaps with other one on this address "
				"space: network %s has %s",
				list[i].name, list[i].subnet6);
		if (subnet_overlaps(&own, &taken[i]))
			return err_set(err, -EINVAL,
				"invalid pool request: Pool overlaps with other one on this address "
				"space: network %s has %s",
				list[i].name, list[i].subnet);
	}
	return 0;
}

static int write_record(int folder, const struct network_record *record, struct err *err)
{
	autofd int dir = -EBADF;
	autojson struct json *doc = json_new_map();
	autobuf struct buf text = BUF_INIT;

	json_put_int(doc, "version", VERSION);
	json_put_string(doc, "id", record->id);
	json_put_string(doc, "name", record->name);
	json_put_string(doc, "created", record->created);
	json_put_string(doc, "driver", "bridge");
	json_put_string(doc, "subnet", record->subnet);
	json_put_string(doc, "gateway", record->gateway);
	json_put_string(doc, "ipRange", record->ip_range);
	json_put_string(doc, "subnet6", record->subnet6);
	json_put_string(doc, "gateway6", record->gateway6);
	json_put_bool(doc, "internal", record->internal);
	json_put_bool(doc, "attachable", record->attachable);
	json_put_int(doc, "mtu", record->mtu);
	json_put_string(doc, "egress", record->egress ? record->egress : "");
	json_put(doc, "auxAddresses", record->aux ? json_ref(record->aux) : json_new_map());
	json_put(doc, "labels", record->labels ? json_ref(record->labels) : json_new_map());
	json_put(doc, "options", record->options ? json_ref(record->options) : json_new_map());
	json_write(doc, 2, &text);
	if (mkdirat(folder, record->name, 0700) < 0 && errno != EEXIST)
		return err_sys(err, "make the folder of network %s", record->name);
	dir = openat(folder, record->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, "open the folder of network %s", record->name);
	return fs_write_at(dir, RECORD_NAME, text.data, text.len, FS_SYNC, err);
}

static bool is_builtin(const char *name)
{
	return !strcmp(name, "bridge") || !strcmp(name, "host") || !strcmp(name, "none") ||
	       !strcmp(name, "default");
}

int network_create(const struct globals *globals, struct network_record *record, struct err *err)
{
	autofd int folder = -EBADF, lock = -EBADF;
	struct network_record *list = NULL;
	size_t n = 0;
	int r = 0;

	if (is_builtin(record->name))
		return err_set(err, -EEXIST, "operation is not permitted on predefined %s network",
			record->name);
	if (!name_valid(record->name))
		return err_set(err, -EINVAL,
			"invalid network name \"%s\": only [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 63 "
			"characters",
			record->name);
	folder = open_folder(globals, true, err);
	TRY(folder);
	lock = fs_lock_at(folder, LOCK_NAME, true, err);
	TRY(lock);
	TRY(list_in(folder, &list, &n, err));
	for (size_t i = 0; i < n && r == 0; i++) {
		if (!strcmp(list[i].name, record->name))
			r = err_set(
				err, -EEXIST, "network with name %s already exists", record->name);
	}
	if (r == 0)
		r = check_against(record, list, n, err);
	list_free(list, n);
	return r < 0 ? r : write_record(folder, record, err);
}

int network_remove(
	const struct globals *globals, const struct network_record *record, struct err *err)
{
	autofd int folder = open_folder(globals, false, err), lock = -EBADF;
	autofree char *run = xasprintf("%s/networks/%s", globals->runroot, record->id);
	struct err ignored = ERR_INIT;

	TRY(folder);
	lock = fs_lock_at(folder, LOCK_NAME, true, err);
	TRY(lock);
	TRY(fs_remove_tree(folder, record->name, err));
	(void)fs_remove_tree(AT_FDCWD, run, &ignored); /* there only if it was ever used */
	return 0;
}
