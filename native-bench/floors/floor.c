/*
 * What the operating system takes, without any runtime above it. Prints the nanoseconds of each try as 32-bit numbers.
 *
 *   floor parked N     a word to another thread and back, both asleep in a futex meanwhile
 *   floor spinning N   the same, both looking at the word until it changes
 *   floor fork N       a copy of this process, until its first byte has come
 *   floor exec N       the same, but that the copy becomes another program first
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Two words on cache lines of their own: processors fetch lines in pairs. */
static struct { _Alignas(128) atomic_uint asked; _Alignas(128) atomic_uint answered; } words;
static int parks;
static unsigned tries;

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void put(atomic_uint *word, unsigned value) {
  atomic_store(word, value);
  if (parks) syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void await(atomic_uint *word, unsigned value) {
  unsigned seen;
  for (unsigned looks = 1; (seen = atomic_load(word)) != value; looks++) {
    if (parks) syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
    /* Where both share a core, the other has to run. */
    else if (looks % 65536 == 0) sched_yield();
  }
}

static void *echo(void *unused) {
  for (unsigned number = 1; number <= tries; number++) {
    await(&words.asked, number);
    put(&words.answered, number);
  }
  return unused;
}

static int round_trips(uint32_t *took_ns) {
  pthread_t other;
  if (pthread_create(&other, NULL, echo, NULL) != 0) return 1;
  for (unsigned number = 1; number <= tries; number++) {
    uint64_t began_ns = now_ns();
    put(&words.asked, number);
    await(&words.answered, number);
    took_ns[number - 1] = (uint32_t)(now_ns() - began_ns);
  }
  return pthread_join(other, NULL);
}

static int first_bytes(uint32_t *took_ns, const char *self, int execs) {
  for (unsigned number = 0; number < tries; number++) {
    int ends[2];
    char byte;
    uint64_t began_ns = now_ns();
    if (pipe(ends) != 0) return 1;
    pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
      if (!execs) _exit(write(ends[1], "x", 1) == 1 ? 0 : 1);
      dup2(ends[1], 1);
      execl(self, self, "child", (char *)NULL);
      _exit(1);
    }
    close(ends[1]);
    if (read(ends[0], &byte, 1) != 1) return 1;
    took_ns[number] = (uint32_t)(now_ns() - began_ns);
    close(ends[0]);
    waitpid(child, NULL, 0);
  }
  return 0;
}

int main(int count, char **arguments) {
  const char *mode = count > 1 ? arguments[1] : "";
  if (strcmp(mode, "child") == 0) return write(1, "x", 1) == 1 ? 0 : 1;
  tries = count > 2 ? (unsigned)strtoul(arguments[2], NULL, 10) : 0;
  uint32_t *took_ns = calloc(tries ? tries : 1, sizeof *took_ns);
  if (tries == 0 || took_ns == NULL) return 2;
  int failed;
  if (strcmp(mode, "fork") == 0 || strcmp(mode, "exec") == 0)
    failed = first_bytes(took_ns, "/proc/self/exe", strcmp(mode, "exec") == 0);
  else {
    parks = strcmp(mode, "parked") == 0;
    failed = round_trips(took_ns);
  }
  if (failed) {
    fprintf(stderr, "floor %s: %s\n", mode, strerror(errno));
    return 1;
  }
  return fwrite(took_ns, sizeof *took_ns, tries, stdout) == tries ? 0 : 1;
}
