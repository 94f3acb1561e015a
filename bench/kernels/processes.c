/*
 * processes COMMAND ...: prints nanoseconds per operation on processes, threads, signals and what they wait for, the
 * least of several batches; COMMAND is what is executed.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char **command;
static int counter, own[2], to[2], from[2], poller, bell, answer;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void event(long n) {
  uint64_t value = 1;
  while (n--)
    if (write(counter, &value, 8) != 8 || read(counter, &value, 8) != 8) fail("eventfd");
}
static void own_pipe(long n) {
  char c = 'x';
  while (n--)
    if (write(own[1], &c, 1) != 1 || read(own[0], &c, 1) != 1) fail("pipe");
}

/* Another process, or thread, sends back what it gets until it gets a zero. */
static void *echo(void *unused) {
  char c = 1;
  while (c && read(to[0], &c, 1) == 1)
    if (write(from[1], &c, 1) != 1) fail("echo");
  return NULL;
}
static void round_trips(long n) {
  char c = 1;
  while (n--) {
    c = n != 0;
    if (write(to[1], &c, 1) != 1 || read(from[0], &c, 1) != 1) fail("round trip");
  }
}
static void between_processes(long n) {
  pid_t child = fork();
  if (child == 0) {
    echo(NULL);
    _exit(0);
  }
  round_trips(n);
  waitpid(child, NULL, 0);
}

static void *wake(void *count) {
  uint64_t value = 1;
  for (long n = (long)count; n--;)
    if (read(answer, &value, 8) != 8 || write(bell, &value, 8) != 8) fail("wake");
  return NULL;
}
static void epoll_wakes(long n) {
  pthread_t other;
  uint64_t value = 1;
  struct epoll_event got;
  pthread_create(&other, NULL, wake, (void *)n);
  while (n--)
    if (write(answer, &value, 8) != 8 || epoll_wait(poller, &got, 1, -1) != 1 || read(bell, &value, 8) != 8) fail("epoll");
  pthread_join(other, NULL);
}

static volatile sig_atomic_t caught;
static sigjmp_buf back;
static void count_signal(int signal) { caught++; }
static void jump(int signal) { siglongjmp(back, 1); }
static void signals(long n) {
  while (n--) raise(SIGUSR1);
}
static void faults(long n) {
  for (volatile long left = n; left > 0; left--)
    if (sigsetjmp(back, 1) == 0) *(volatile int *)16 = 0;
}

static void reap(pid_t child) {
  int status;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) fail("child");
}
static void forks(long n) {
  while (n--) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    reap(child);
  }
}
static void run_command(void) {
  execvp(command[0], command);
  _exit(127);
}
static void fork_execs(long n) {
  while (n--) {
    pid_t child = fork();
    if (child == 0) run_command();
    reap(child);
  }
}
static void vfork_execs(long n) {
  while (n--) {
    pid_t child = vfork();
    if (child == 0) run_command();
    reap(child);
  }
}

static void *nothing(void *unused) { return NULL; }
static void threads(long n) {
  while (n--) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, nothing, NULL) != 0) fail("thread");
    pthread_join(thread, NULL);
  }
}

#define RIVALS 4
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long guarded;
static atomic_long shared;
static void *lock(void *count) {
  for (long n = (long)count; n--;) {
    pthread_mutex_lock(&mutex);
    guarded++;
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}
static void *add(void *count) {
  for (long n = (long)count; n--;) atomic_fetch_add(&shared, 1);
  return NULL;
}
static void together(void *(*body)(void *), long n) {
  pthread_t rivals[RIVALS];
  for (int i = 0; i < RIVALS; i++) pthread_create(&rivals[i], NULL, body, (void *)(n / RIVALS));
  for (int i = 0; i < RIVALS; i++) pthread_join(rivals[i], NULL);
}
static void locks(long n) { together(lock, n); }
static void atomics(long n) { together(add, n); }

static const struct {
  const char *name;
  void (*run)(long);
  long count;
} table[] = {
  {"eventfd", event, 50000},           {"pipe1", own_pipe, 50000},
  {"pipe-round-trip", between_processes, 5000},
  {"epoll-wake", epoll_wakes, 5000},   {"signal", signals, 20000},
  {"segv+longjmp", faults, 5000},      {"fork+wait", forks, 50},
  {"fork+exec+wait", fork_execs, 20},  {"vfork+exec+wait", vfork_execs, 20},
  {"thread+join", threads, 100},       {"mutex-of-4", locks, 400000},
  {"atomic-of-4", atomics, 2000000},
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  command = argv + 1;
  counter = eventfd(0, 0);
  bell = eventfd(0, 0);
  answer = eventfd(0, 0);
  poller = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN};
  if (pipe(own) || pipe(to) || pipe(from) || epoll_ctl(poller, EPOLL_CTL_ADD, bell, &event)) fail("set-up");
  signal(SIGUSR1, count_signal);
  signal(SIGSEGV, jump);
  for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
    double least = 1e30;
    for (int batch = 0; batch < 5; batch++) {
      double start = now();
      table[i].run(table[i].count);
      double each = (now() - start) / table[i].count;
      if (each < least) least = each;
    }
    printf("%s %.0f\n", table[i].name, least);
  }
  return 0;
}
