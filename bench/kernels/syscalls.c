/* syscalls FILE: prints nanoseconds per system call, the least of several batches; FILE is one it may read. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char *file;
static int source, sink;

static long one_getpid(void) { return syscall(SYS_getpid); }
static long one_read(void) {
  char c;
  return pread(source, &c, 1, 0);
}
static long one_write(void) { return write(sink, "x", 1); }
static long one_stat(void) {
  struct stat st;
  return stat(file, &st);
}
static long open_close(void) { return close(open(file, O_RDONLY)); }

static const struct {
  const char *name;
  long (*run)(void);
  int count;
} table[] = {
  {"getpid", one_getpid, 200000}, {"read1", one_read, 50000},        {"write1", one_write, 50000},
  {"stat", one_stat, 20000},      {"open+close", open_close, 10000},
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  file = argv[1];
  source = open(file, O_RDONLY);
  sink = open("/dev/null", O_WRONLY);
  if (source < 0 || sink < 0) return perror(file), 1;
  for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
    double least = 1e30;
    for (int batch = 0; batch < 7; batch++) {
      double start = now();
      for (int k = 0; k < table[i].count; k++)
        if (table[i].run() < 0) return perror(table[i].name), 1;
      double each = (now() - start) / table[i].count;
      if (each < least) least = each;
    }
    printf("%s %.0f\n", table[i].name, least);
  }
  return 0;
}
