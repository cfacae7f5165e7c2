/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing of the overlay: layers, work directory, root, limits. */
#include "overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "beside.h"
#include "lookup.h"
#include "whiteout.h"

#include "base/fs.h"
#include "base/own.h"

#define HANDLES_MAX 8192
#define WORK        "work" /* the name the kernel uses, so each driver clears what the other has left */

static int open_work(struct ovl *fs, struct err *err)
{
	struct stat upper, work;

	if (fstat(fs->config.upper, &upper) < 0 || fstat(fs->config.work, &work) < 0)
		return err_sys(err, "stat upper and work directory");
	if (upper.st_dev != work.st_dev)
		return err_set(
			err, -EXDEV, "the work directory must be on the upper's file system");
	TRY(fs_remove_tree(fs->config.work, WORK, err));
	if (mkdirat(fs->config.work, WORK, 0700) < 0)
		return err_sys(err, "make '%s' in the work directory", WORK);
	fs->work = openat(fs->config.work, WORK, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fs->work < 0)
		return err_sys(err, "open '%s' in the work directory", WORK);
	return 0;
}

static int open_upper(struct ovl *fs, struct err *err)
{
	int fd = openat(fs->config.upper, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "open the upper directory");
	TRY(layer_new_dir(fd, &fs->upper, err));
	if (beside_open(fs->upper->root, true, &fs->upper->beside) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	fs->plain.beside = fs->upper->beside;
	return open_work(fs, err);
}

/* The devices of the layers, the upper's first: its numbers are shown as they are. */
static void collect_devices(struct ovl *fs)
{
	dev_t dev = fs->upper ? fs->upper->dev : fs->lower[0]->dev;

	fs->devs[fs->n_devs++] = dev;
	for (unsigned i = 0; i < fs->n_lower; i++) {
		unsigned k = 0;

		while (k < fs->n_devs && fs->devs[k] != fs->lower[i]->dev)
			k++;
		if (k == fs->n_devs)
			fs->devs[fs->n_devs++] = fs->lower[i]->dev;
	}
}

/* Handles may be cached up to half of the descriptors; the rest is for single operations. */
static size_t handle_limit(void)
{
	struct rlimit limit;
	size_t max;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 256;
	if (limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit); /* fewer cached handles then */
		(void)getrlimit(RLIMIT_NOFILE, &limit);
	}
	max = (size_t)limit.rlim_cur / 2;
	return max > HANDLES_MAX ? HANDLES_MAX : max;
}

void ovl_reserve_handles(struct ovl *fs)
{
	int any = fs->upper ? fs->work : fs->lower[0]->root;
	int high = fcntl(any, F_DUPFD_CLOEXEC, (int)(fs->slots.max + fs->slots.max / 2));

	if (high >= 0)
		(void)close(high);
}

static int setup(struct ovl *fs, const struct ovl_config *config, struct err *err)
{
	int r;

	if (node_table_init(fs) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	fs->config = *config;
	fs->lower = calloc(config->n_lower + 1, sizeof(*fs->lower));
	fs->devs = calloc(config->n_lower + 2, sizeof(*fs->devs));
	if (!fs->lower || !fs->devs)
		return err_set(err, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < config->n_lower; i++)
		fs->lower[i] = config->lower[i];
	fs->n_lower = config->n_lower;
	if (config->upper >= 0)
		TRY(open_upper(fs, err));
	collect_devices(fs);
	fs->slots.max = handle_limit();
	r = lookup_root(fs, &fs->root);
	if (r < 0)
		return err_set(err, r, "read the root of the layers: %s", strerror(-r));
	return 0;
}

int ovl_open(const struct ovl_config *config, struct ovl **ret, struct err *err)
{
	struct ovl *fs;
	int r;

	if (config->n_lower > OVL_MAX_LOWER)
		return err_set(err, -EINVAL, "%u lower layers, at most %d", config->n_lower,
			OVL_MAX_LOWER);
	if (config->n_lower == 0 && config->upper < 0)
		return err_set(err, -EINVAL, "no layer is given");
	fs = calloc(1, sizeof(*fs));
	if (!fs)
		return err_set(err, -ENOMEM, "out of memory");
	fs->work = -1;
	fs->umask = umask(0);
	(void)umask(fs->umask);
	fs->plain = (struct layer){ .ops = &layer_dir_ops, .root = -1 };
	(void)pthread_mutex_init(&fs->lock, NULL); /* neither can fail with default attributes */
	(void)pthread_cond_init(&fs->changed, NULL);
	r = setup(fs, config, err);
	if (r < 0) {
		fs->n_lower = 0; /* still the caller's */
		ovl_close(fs);
		return r;
	}
	*ret = fs;
	return 0;
}

void ovl_close(struct ovl *fs)
{
	if (!fs)
		return;
	node_table_done(fs);
	for (unsigned i = 0; i < fs->n_lower; i++)
		layer_free(fs->lower[i]);
	layer_free(fs->upper);
	if (fs->work >= 0)
		(void)close(fs->work); /* O_PATH */
	free(fs->lower);
	free(fs->devs);
	(void)pthread_mutex_destroy(&fs->lock);
	(void)pthread_cond_destroy(&fs->changed);
	free(fs);
}

void ovl_count(struct ovl *fs, struct ovl_counts *ret)
{
	ovl_lock(fs);
	*ret = (struct ovl_counts){ .nodes = fs->table.n_nodes, .handles = fs->slots.count };
	ovl_unlock(fs);
}
