/* SPDX-License-Identifier: Apache-2.0 */
#include "process/client_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/own.h"

struct client {
	struct client_list *list;
	struct client *next;
	struct loop_source *source;
	int sock;
	bool launcher, paused, dead;
	char *frame; /* waits for the socket; NULL when none */
	size_t frame_len;
};

static int on_socket(void *data, int fd, uint32_t events, struct err *err);

static uint32_t wanted(const struct client *client)
{
	return (client->paused ? 0 : EPOLLIN) | (client->frame ? EPOLLOUT : 0);
}

/* A source is removed while nothing is wanted: epoll would report a hang-up again and again. */
static int refresh(struct client *client, struct err *err)
{
	uint32_t events = wanted(client);

	if (client->source && events)
		return loop_mod_fd(client->source, events, err);
	if (client->source) {
		loop_del(client->source);
		client->source = NULL;
		return 0;
	}
	return events ? loop_add_fd(client->list->loop, client->sock, events, on_socket, client,
				&client->source, err)
		      : 0;
}

int client_add(struct client_list *list, int adopt_sock, bool launcher, struct err *err)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client) {
		(void)close(adopt_sock);
		return err_set(err, -ENOMEM, "out of memory");
	}
	client->list = list;
	client->sock = adopt_sock;
	client->launcher = launcher;
	client->next = list->first;
	list->first = client;
	return refresh(client, err);
}

static void drop_frame(struct client *client)
{
	if (!client->frame)
		return;
	free(client->frame);
	client->frame = NULL;
	client->list->waiting--;
}

static void unlink_client(struct client *client)
{
	struct client **at = &client->list->first;

	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	drop_frame(client);
	loop_del(client->source);
	(void)close(client->sock);
	free(client);
}

void client_list_done(struct client_list *list)
{
	while (list->first)
		unlink_client(list->first);
}

static int remove_client(struct client *client, struct err *err)
{
	struct client_list *list = client->list;
	bool launcher = client->launcher;
	bool was_blocked = client_blocked(list);

	unlink_client(client);
	TRY(list->events->gone(list->events->data, launcher, err));
	return was_blocked && !client_blocked(list)
		       ? list->events->unblocked(list->events->data, err)
		       : 0;
}

bool client_blocked(const struct client_list *list)
{
	return list->waiting > 0;
}

int client_pause(struct client *client, bool pause, struct err *err)
{
	client->paused = pause;
	return refresh(client, err);
}

static int flush_frame(struct client *client, struct err *err)
{
	struct client_list *list = client->list;

	if (send(client->sock, client->frame, client->frame_len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return 0;
		return remove_client(client, err);
	}
	drop_frame(client);
	TRY(refresh(client, err));
	return client_blocked(list) ? 0 : list->events->unblocked(list->events->data, err);
}

static int on_socket(void *data, int fd, uint32_t events, struct err *err)
{
	struct client *client = data;
	struct client_list *list = client->list;
	char message[ATTACH_MAX];
	ssize_t n;

	if (events & EPOLLOUT && client->frame)
		return flush_frame(client, err);
	n = recv(fd, message, sizeof(message), MSG_DONTWAIT);
	/* ECONNRESET comes once, before what a client sent that left with output unread */
	if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNRESET))
		return 0;
	if (n <= 0)
		return remove_client(client, err);
	return list->events->message(list->events->data, client, (enum attach_type)message[0],
		message + 1, (size_t)n - 1, err);
}

/* 0 taken or kept; -errno: the client is of no more use. */
static int deliver(struct client *client, const char *frame, size_t len)
{
	struct err ignored;

	if (!client->frame && send(client->sock, frame, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	if (client->frame || errno != EAGAIN)
		return client->frame ? -ENOBUFS : -errno;
	client->frame = malloc(len);
	if (!client->frame)
		return -ENOMEM;
	memcpy(client->frame, frame, len);
	client->frame_len = len;
	client->list->waiting++;
	return refresh(client, &ignored);
}

int client_broadcast(struct client_list *list, enum attach_type type, const void *payload,
	size_t len, struct err *err)
{
	char frame[ATTACH_MAX];
	struct client *client = list->first;

	if (!client)
		return 0;
	frame[0] = (char)type;
	if (len)
		memcpy(frame + 1, payload, len);
	while (client) {
		struct client *next = client->next;

		if (deliver(client, frame, len + 1) < 0)
			TRY(remove_client(client, err));
		client = next;
	}
	return 0;
}

int client_tell(struct client *client, enum attach_type type, const void *payload, size_t len,
	struct err *err)
{
	char frame[ATTACH_MAX];

	frame[0] = (char)type;
	memcpy(frame + 1, payload, len);
	return deliver(client, frame, len + 1) < 0 ? remove_client(client, err) : 0;
}

void client_farewell(
	struct client_list *list, enum attach_type type, const void *payload, size_t len)
{
	const struct timeval second = { .tv_sec = 1 };
	char frame[1 + sizeof(struct err)];

	frame[0] = (char)type;
	memcpy(frame + 1, payload, len);
	for (struct client *client = list->first; client; client = client->next) {
		if (setsockopt(client->sock, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second)) < 0)
			continue; /* without a limit a stopped client would hold us here */
		if (client->frame)
			(void)send(client->sock, client->frame, client->frame_len, MSG_NOSIGNAL);
		(void)send(client->sock, frame, len + 1, MSG_NOSIGNAL); /* gone: nobody to tell */
	}
	client_list_done(list);
}
