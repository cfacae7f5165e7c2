/* SPDX-License-Identifier: Apache-2.0 */
/* One datagram per report: struct report, then its text. A report that cannot be sent is lost: the worker
 * ends when it cannot tell its result, and that is what the other end notices. */
#include "builder/build.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "builder/progress.h"

uint32_t vertex_of(size_t stage, size_t step)
{
	return (uint32_t)(stage << 16 | (step & 0xffff));
}

static void send_to(int sock, const struct report *head, const void *bytes, size_t len)
{
	struct iovec parts[] = { { (void *)(uintptr_t)head, sizeof(*head) },
		{ (void *)(uintptr_t)bytes, len } };
	const struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

	(void)sendmsg(sock, &message, MSG_NOSIGNAL);
}

void report_bytes(struct build *b, const struct report *head, const void *bytes, size_t len)
{
	const char *at = bytes;

	if (b->reports < 0) {
		progress_report(b->progress, head, bytes, len);
		return;
	}
	do {
		size_t n = len < REPORT_TEXT ? len : REPORT_TEXT;

		send_to(b->reports, head, at, n);
		at += n;
		len -= n;
	} while (len > 0 && head->kind == REPORT_OUTPUT);
}

void report(struct build *b, enum report_kind kind, uint32_t vertex, const char *text)
{
	struct report head = { .kind = kind, .vertex = vertex, .when = progress_now() };

	report_bytes(b, &head, text ? text : "", text ? strlen(text) + 1 : 1);
}
