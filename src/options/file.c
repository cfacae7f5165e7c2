/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what the user points at: unlike base/fs.h this also takes pipes (--env-file <(cmd)). */
#include "options/internal.h"

#include <errno.h>
#include <unistd.h>

#include "base/buf.h"

int read_to_end(int fd, size_t max, char **ret, size_t *ret_len, struct err *err)
{
	autobuf struct buf text = BUF_INIT;

	for (;;) {
		ssize_t n;

		buf_reserve(&text, 4096);
		n = read(fd, text.data + text.len, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "read");
		if (n == 0)
			break;
		text.len += (size_t)n;
		if (text.len > max)
			return err_set(err, -EFBIG, "is larger than %zu bytes", max);
	}
	*ret_len = text.len;
	buf_add(&text, "", 1); /* also when it is empty */
	*ret = buf_steal(&text);
	return 0;
}
