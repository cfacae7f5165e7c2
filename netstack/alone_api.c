/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API socket: one request per connection, answered when all of it is there or the client has shut
 * down its side. Few clients at a time, each with a bounded request; a slow one holds up nobody.
 */
#include "netstack/alone.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/own.h"

#define CLIENTS_MAX  32
#define DISCARD_MAX  (256 * 1024)
#define FORWARDS_MAX 4096
#define ERROR(text)  "{\"error\":{\"desc\":\"bad request: " text "\"}}"

struct forward {
	struct forward *next;
	int id;
	bool udp;
	struct sockaddr_in host, guest;
};

struct client {
	struct alone_api *api;
	struct client *next;
	struct loop_source *source;
	int fd;
	size_t len, discarded;
	bool answered;
	char request[ALONE_REQUEST_MAX];
};

struct alone_api {
	struct loop *loop;
	struct stack *stack;
	struct in_addr guest;
	int listener, last_id, n_forwards, n_clients;
	struct loop_source *source;
	struct forward *forwards;
	struct client *clients;
};

/* A text that grows without dying: what did not fit is said at the end. */
struct answer {
	char *text;
	size_t len, size;
	bool lost;
};

static void __attribute__((format(printf, 2, 3))) say(struct answer *answer, const char *fmt, ...)
{
	va_list args;
	char piece[256];
	int n;

	va_start(args, fmt);
	n = vsnprintf(piece, sizeof(piece), fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(piece)) {
		answer->lost = true;
		return;
	}
	if (answer->len + (size_t)n + 1 > answer->size) {
		size_t size = answer->size ? answer->size * 2 : 1024;
		char *grown = realloc(answer->text, size);

		if (!grown) {
			answer->lost = true;
			return;
		}
		answer->text = grown;
		answer->size = size;
	}
	memcpy(answer->text + answer->len, piece, (size_t)n + 1);
	answer->len += (size_t)n;
}

/* ---- the verbs ---- */

static bool get_address(
	const char *text, struct in_addr or_else, long port, struct sockaddr_in *ret)
{
	*ret = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr = or_else, .sin_port = htons((uint16_t)port)
	};
	return !*text || inet_pton(AF_INET, text, &ret->sin_addr) == 1;
}

static bool is_port(long port)
{
	return port > 0 && port <= UINT16_MAX;
}

static const char *add_forward(
	struct alone_api *api, const struct alone_request *request, struct forward *forward)
{
	bool tcp = strcmp(request->proto, "tcp") == 0;
	struct err ignored = ERR_INIT;

	forward->udp = !tcp;
	if (!tcp && strcmp(request->proto, "udp") != 0)
		return ERROR("add_hostfwd: bad arguments.proto");
	if (!get_address(
		    request->host_addr, (struct in_addr){ 0 }, request->host_port, &forward->host))
		return ERROR("add_hostfwd: bad arguments.host_addr");
	if (!is_port(request->host_port))
		return ERROR("add_hostfwd: bad arguments.host_port");
	if (!get_address(request->guest_addr, api->guest, request->guest_port, &forward->guest))
		return ERROR("add_hostfwd: bad arguments.guest_addr");
	if (!is_port(request->guest_port))
		return ERROR("add_hostfwd: bad arguments.guest_port");
	if (api->n_forwards >= FORWARDS_MAX ||
		stack_forward(api->stack, forward->udp, &forward->host, &forward->guest, &ignored) <
			0)
		return ERROR("add_hostfwd: slirp_add_hostfwd failed");
	return NULL;
}

static void do_add(
	struct alone_api *api, const struct alone_request *request, struct answer *answer)
{
	struct forward *forward = calloc(1, sizeof(*forward));
	const char *wrong = forward ? add_forward(api, request, forward)
				    : ERROR("add_hostfwd: out of memory");

	if (wrong) {
		free(forward);
		say(answer, "%s", wrong);
		return;
	}
	forward->id = ++api->last_id;
	forward->next = api->forwards;
	api->forwards = forward;
	api->n_forwards++;
	say(answer, "{\"return\":{\"id\":%d}}", forward->id);
}

static void do_list(
	struct alone_api *api, const struct alone_request *request, struct answer *answer)
{
	const char *comma = "";

	say(answer, "{\"return\":{\"entries\":[");
	for (const struct forward *f = api->forwards; f; f = f->next) {
		char host[INET_ADDRSTRLEN], guest[INET_ADDRSTRLEN];

		(void)inet_ntop(AF_INET, &f->host.sin_addr, host, sizeof(host));
		(void)inet_ntop(AF_INET, &f->guest.sin_addr, guest, sizeof(guest));
		say(answer,
			"%s{\"id\":%d,\"proto\":\"%s\",\"host_addr\":\"%s\",\"host_port\":%u,"
			"\"guest_addr\":\"%s\",\"guest_port\":%u}",
			comma, f->id, f->udp ? "udp" : "tcp", host, ntohs(f->host.sin_port), guest,
			ntohs(f->guest.sin_port));
		comma = ",";
	}
	say(answer, "]}}");
}

static void do_remove(
	struct alone_api *api, const struct alone_request *request, struct answer *answer)
{
	struct forward **at = &api->forwards, *found;
	struct err ignored = ERR_INIT;

	while (*at && (*at)->id != request->id)
		at = &(*at)->next;
	found = *at;
	if (!found) {
		say(answer, "%s", ERROR("remove_hostfwd: bad arguments.id"));
		return;
	}
	*at = found->next;
	api->n_forwards--;
	if (stack_unforward(api->stack, found->udp, &found->host, &ignored) < 0)
		say(answer, "%s", ERROR("remove_hostfwd: slirp_remove_hostfwd failed"));
	else
		say(answer, "{\"return\":{}}");
	free(found);
}

static void execute(
	struct alone_api *api, const struct alone_request *request, struct answer *answer)
{
	static const struct {
		const char *name;
		void (*run)(struct alone_api *, const struct alone_request *, struct answer *);
	} verbs[] = { { "add_hostfwd", do_add }, { "list_hostfwd", do_list },
		{ "remove_hostfwd", do_remove } };

	if (!request->has_execute) {
		say(answer, "%s", ERROR("no execute found"));
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i].name, request->execute) == 0) {
			verbs[i].run(api, request, answer);
			return;
		}
	}
	say(answer, "%s", ERROR("unknown execute"));
}

/* ---- clients ---- */

static void client_end(struct client *client)
{
	struct alone_api *api = client->api;
	struct client **at = &api->clients;

	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	api->n_clients--;
	loop_del(client->source);
	fd_drop(&client->fd);
	free(client);
}

static int answer_client(
	struct client *client, const struct alone_request *request, struct err *err)
{
	struct answer answer = { 0 };
	struct alone_api *api = client->api;
	const char *text;

	if (request)
		execute(api, request, &answer);
	else if (client->len == sizeof(client->request))
		say(&answer, "%s", ERROR("too large message"));
	else
		say(&answer, "%s", ERROR("cannot parse JSON"));
	text = answer.lost ? ERROR("out of memory") : answer.text;
	/* its buffer takes any answer to a client that reads; who does not has lost it */
	(void)send(client->fd, text, strlen(text), MSG_NOSIGNAL);
	free(answer.text);
	/* what it still sends is read, for a close with bytes unread would reset the answer away */
	client->answered = true;
	(void)shutdown(client->fd, SHUT_WR);
	return stack_settle(api->stack, err);
}

static int on_client(void *data, int fd, uint32_t events, struct err *err)
{
	struct client *client = data;
	struct alone_request request;
	size_t used = client->answered ? 0 : client->len;
	ssize_t n = recv(fd, client->request + used, sizeof(client->request) - used, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (client->answered)
		client->discarded += n > 0 ? (size_t)n : 0;
	if (n < 0 || (client->answered && (n == 0 || client->discarded > DISCARD_MAX))) {
		client_end(client);
		return 0;
	}
	if (client->answered)
		return 0;
	client->len += (size_t)n;
	if (alone_request_parse(client->request, client->len, &request) == 0)
		return answer_client(client, &request, err);
	if (n == 0 || client->len == sizeof(client->request))
		return answer_client(client, NULL, err);
	return 0;
}

static int on_caller(void *data, int fd, uint32_t events, struct err *err)
{
	struct alone_api *api = data;
	autofd int sock = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client;

	if (sock < 0 || api->n_clients >= CLIENTS_MAX)
		return 0;
	client = calloc(1, sizeof(*client));
	if (!client)
		return 0;
	client->api = api;
	client->fd = sock;
	if (loop_add_fd(api->loop, sock, EPOLLIN, on_client, client, &client->source, err) < 0) {
		free(client);
		return 0;
	}
	(void)move_fd(&sock); /* the client's */
	client->next = api->clients;
	api->clients = client;
	api->n_clients++;
	return 0;
}

int alone_api_listen(const char *path, struct err *err)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_sys(err, "make a socket");
	if (strlen(path) >= sizeof(sun.sun_path))
		return err_set(err, -ENAMETOOLONG,
			"the specified API socket path is too long (>= %zu)", sizeof(sun.sun_path));
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_sys(err, "remove the old '%s'", path);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 || listen(fd, CLIENTS_MAX) < 0)
		return err_sys(err, "listen on '%s'", path);
	return move_fd(&fd);
}

int alone_api_start(struct loop *loop, struct stack *stack, int listener, struct in_addr guest,
	struct alone_api **ret, struct err *err)
{
	struct alone_api *api = calloc(1, sizeof(*api));
	int r;

	if (!api)
		return err_set(err, -ENOMEM, "out of memory");
	*api = (struct alone_api){
		.loop = loop, .stack = stack, .guest = guest, .listener = listener
	};
	r = loop_add_fd(loop, listener, EPOLLIN, on_caller, api, &api->source, err);
	if (r < 0) {
		free(api);
		return r;
	}
	*ret = api;
	return 0;
}

void alone_api_stop(struct alone_api *api)
{
	if (!api)
		return;
	while (api->clients)
		client_end(api->clients);
	while (api->forwards) {
		struct forward *next = api->forwards->next;

		free(api->forwards);
		api->forwards = next;
	}
	loop_del(api->source);
	fd_drop(&api->listener);
	free(api);
}
