/* SPDX-License-Identifier: Apache-2.0 */
#include "process/attach.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int client_request(int sock, const char *text, struct err *err)
{
	char frame[ATTACH_MAX];
	size_t len = strlen(text);
	ssize_t n;

	if (len >= sizeof(frame))
		return err_set(err, -E2BIG, "the request is too long");
	frame[0] = ATTACH_REQUEST;
	memcpy(frame + 1, text, len);
	if (send(sock, frame, len + 1, MSG_NOSIGNAL) < 0)
		return err_sys(err, "ask the container's monitor");
	do { /* what the container writes meanwhile is not for us */
		n = recv(sock, frame, sizeof(frame), 0);
	} while ((n < 0 && errno == EINTR) || (n > 0 && frame[0] != ATTACH_ANSWER));
	if (n != 1 + (ssize_t)sizeof(*err))
		return err_set(err, -EPIPE, "the container's monitor ended before it answered");
	memcpy(err, frame + 1, sizeof(*err));
	return err->code;
}
