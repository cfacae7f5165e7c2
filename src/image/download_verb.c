/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `build` needs of the network, a verb that people do not see:
 *
 *	sbx-image download [--checksum=DIGEST] URL DIRECTORY
 *
 * The file goes to stdout once it is complete and, where one is given, has the digest; until then it is in
 * DIRECTORY, without a name. Its time is the server's Last-Modified. The image store is not touched.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "image/digest.h"
#include "image/download.h"
#include "image/parcel.h"

static int verify(int fd, const char *url, const char *checksum, struct err *err)
{
	autodigester struct digester *digester = NULL;
	char got[DIGEST_MAX], part[65536];
	ssize_t n;

	if (!digest_valid(checksum))
		return err_set(err, -EINVAL, "invalid checksum digest format: %s", checksum);
	TRY(digester_new(checksum, &digester, err));
	while ((n = read(fd, part, sizeof(part))) > 0)
		digester_update(digester, part, (size_t)n);
	if (n < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(err, "read the download");
	digester_final(digester, got);
	if (strcmp(got, checksum) == 0)
		return 0;
	return err_id(err, -EBADMSG, "E-DIGEST",
		"%s arrived with digest %s, the instruction asks for %s", url, got, checksum);
}

/* stdout may be a pipe, which has none. */
static int keep_time(int fd, struct err *err)
{
	struct stat st, out;
	struct timespec times[2];

	if (fstat(fd, &st) < 0 || fstat(STDOUT_FILENO, &out) < 0)
		return err_sys(err, "the time of the download");
	if (!S_ISREG(out.st_mode))
		return 0;
	times[0] = times[1] = st.st_mtim;
	return futimens(STDOUT_FILENO, times) < 0 ? err_sys(err, "set the time of the download")
						  : 0;
}

int download_main(const struct globals *globals, int argc, char **argv, struct err *err)
{
	autostore struct store store = STORE_INIT;
	const char *checksum = NULL, *url = NULL, *directory = NULL;
	autofd int fd = -EBADF;
	char part[65536];
	ssize_t n;

	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--checksum=", 11) == 0)
			checksum = argv[i] + 11;
		else if (!url)
			url = argv[i];
		else
			directory = argv[i];
	}
	if (!directory)
		return err_set(err, -EINVAL,
			"usage: sbx-image download [--checksum=DIGEST] URL DIRECTORY");
	store.tmp = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store.tmp < 0)
		return err_sys(err, "open '%s'", directory);
	fd = download_file(globals, &store, url, err);
	TRY(fd);
	if (checksum)
		TRY(verify(fd, url, checksum, err));
	while ((n = read(fd, part, sizeof(part))) > 0)
		TRY(fs_write_all(STDOUT_FILENO, part, (size_t)n, err));
	return n < 0 ? err_sys(err, "read the download") : keep_time(fd, err);
}
