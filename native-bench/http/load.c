/*
 * A closed-loop load generator for HTTP/1.1 on loopback: each connection sends the same request again as soon as its answer is complete.
 *
 *   load PORT CONNECTIONS WARM_MS MEASURE_MS REQUEST_FILE
 *
 * Writes unsigned 32-bit integers: the CPU time in microseconds that it used itself while it measured, then the nanoseconds of each request.
 *
 * It is made to be cheaper than any server on the same machine: one thread, epoll, one prepared request, and of each answer only the
 * status line, `Content-Length` and the end of the head are looked at (or the last chunk, where there is no length). Nothing is
 * allocated while it measures. With more than one connection it collects answers for PAUSE_NS at a time, as a network card gathers packets
 * before it interrupts: otherwise each answer would wake it, and the server would pay for that, up to half of what it does itself. Anything but a 200 ends it with exit code 1 and the answer on standard error.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 1024, ANSWER_BYTES = 65536, MAX_SAMPLES = 1 << 23, STALL_MS = 10000, PAUSE_NS = 100000 };

struct connection {
  int socket;
  uint64_t sent_ns;
  size_t filled;
  char answer[ANSWER_BYTES];
};

static char *request;
static size_t request_bytes;
static uint32_t *samples;
static size_t sample_count;

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t cpu_us(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000u +
         (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void fail(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void refuse(const char *what, const struct connection *connection) {
  fprintf(stderr, "load: %s: %.*s\n", what, (int)(connection->filled < 2000 ? connection->filled : 2000), connection->answer);
  exit(1);
}

static void read_request(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) fail(path);
  request = malloc(1 << 20);
  request_bytes = fread(request, 1, 1 << 20, file);
  fclose(file);
}

static void send_request(struct connection *connection) {
  connection->filled = 0;
  connection->sent_ns = now_ns();
  /* A request is far smaller than the buffer of an idle socket, so it leaves whole. */
  if (send(connection->socket, request, request_bytes, MSG_NOSIGNAL) != (ssize_t)request_bytes) fail("send");
}

static void open_connection(struct connection *connection, int port, int poll) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connection->socket = socket(AF_INET, SOCK_STREAM, 0);
  int on = 1;
  setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(connection->socket, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
  if (epoll_ctl(poll, EPOLL_CTL_ADD, connection->socket, &event) != 0) fail("epoll_ctl");
}

/* The bytes of the whole answer as far as they are known from its head; 0 while they are not. */
static int is_complete(struct connection *connection) {
  connection->answer[connection->filled] = 0;
  char *end = strstr(connection->answer, "\r\n\r\n");
  if (!end) return 0;
  if (memcmp(connection->answer, "HTTP/1.1 200", 12) != 0) refuse("not 200", connection);
  size_t head = (size_t)(end - connection->answer) + 4;
  *end = 0;
  char *length = strcasestr(connection->answer, "\r\ncontent-length:");
  *end = '\r';
  if (length) return connection->filled >= head + strtoul(length + 17, NULL, 10);
  /* Chunked. */
  return connection->filled >= head + 5 && memcmp(connection->answer + connection->filled - 5, "0\r\n\r\n", 5) == 0;
}

/* True when the answer is complete. Reads once: what is missing brings another event. */
static int receive(struct connection *connection) {
  size_t room = ANSWER_BYTES - 1 - connection->filled;
  if (room == 0) refuse("answer too long", connection);
  ssize_t got = recv(connection->socket, connection->answer + connection->filled, room, 0);
  if (got <= 0) refuse("connection lost", connection);
  connection->filled += (size_t)got;
  return is_complete(connection);
}

int main(int count, char **arguments) {
  if (count != 6) {
    fprintf(stderr, "usage: load PORT CONNECTIONS WARM_MS MEASURE_MS REQUEST_FILE\n");
    return 2;
  }
  int connections = atoi(arguments[2]);
  if (connections < 1 || connections > MAX_CONNECTIONS) return 2;
  read_request(arguments[5]);
  samples = malloc(sizeof *samples * MAX_SAMPLES);
  memset(samples, 0, sizeof *samples * (1 << 18)); /* Touched now, so that pages do not fault while it measures. */
  struct connection *all = calloc((size_t)connections, sizeof *all);
  int poll = epoll_create1(0);
  for (int i = 0; i < connections; i++) open_connection(&all[i], atoi(arguments[1]), poll);
  uint64_t start_ns = now_ns();
  uint64_t measure_ns = start_ns + strtoull(arguments[3], NULL, 10) * 1000000u;
  uint64_t end_ns = measure_ns + strtoull(arguments[4], NULL, 10) * 1000000u;
  for (int i = 0; i < connections; i++) send_request(&all[i]);
  prctl(PR_SET_TIMERSLACK, 1ul);
  const struct timespec pause = {.tv_nsec = PAUSE_NS};
  struct epoll_event events[MAX_CONNECTIONS];
  uint64_t cpu_before_us = 0;
  for (;;) {
    if (connections > 1) nanosleep(&pause, NULL);
    int ready = epoll_wait(poll, events, connections, STALL_MS);
    if (ready == 0) {
      fprintf(stderr, "load: no answer for %d ms\n", STALL_MS);
      return 1;
    }
    if (ready < 0) fail("epoll_wait");
    for (int i = 0; i < ready; i++) {
      struct connection *connection = events[i].data.ptr;
      if (!receive(connection)) continue;
      uint64_t at_ns = now_ns();
      if (at_ns >= end_ns) goto done;
      if (at_ns >= measure_ns && sample_count < MAX_SAMPLES) {
        if (sample_count == 0) cpu_before_us = cpu_us();
        uint64_t took_ns = at_ns - connection->sent_ns;
        samples[sample_count++] = took_ns > UINT32_MAX ? UINT32_MAX : (uint32_t)took_ns;
      }
      send_request(connection);
    }
  }
done:;
  uint32_t used_us = (uint32_t)(cpu_us() - cpu_before_us);
  if (fwrite(&used_us, sizeof used_us, 1, stdout) != 1) fail("write");
  if (fwrite(samples, sizeof *samples, sample_count, stdout) != sample_count) fail("write");
  return 0;
}
