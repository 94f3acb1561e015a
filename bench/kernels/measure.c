/* measure SECONDS PROGRAM ARGS…: runs a program and writes to descriptor 3, in one line, its elapsed, user and
 * system time in microseconds, its peak resident set in KiB and its wait status; kills it after SECONDS. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t child;
static void stop(int signal) {
  (void)signal;
  kill(child, SIGKILL);
}

static long micros(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  long start = micros();
  child = fork();
  if (child < 0) return perror("fork"), 2;
  if (child == 0) {
    close(3);
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    _exit(127);
  }
  signal(SIGALRM, stop);
  alarm((unsigned)atoi(argv[1]));
  int status;
  struct rusage used;
  while (wait4(child, &status, 0, &used) < 0) {
  }
  dprintf(3, "%ld %ld %ld %ld %d\n", micros() - start, used.ru_utime.tv_sec * 1000000L + used.ru_utime.tv_usec,
          used.ru_stime.tv_sec * 1000000L + used.ru_stime.tv_usec, used.ru_maxrss, status);
  return 0;
}
