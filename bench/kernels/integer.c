/* Integer kernels: loops over bytes and words, table look-ups, a bytecode machine, division, strings. */
#include "kernels.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { SIEVE_SIZE = 1 << 20, SIEVE_ROUNDS = 280 };
static uint8_t composite[SIEVE_SIZE];

int64_t sieve(void) {
  int64_t found = 0;
  for (int round = 0; round < SIEVE_ROUNDS; round++) {
    memset(composite, 0, sizeof composite);
    for (unsigned i = 2; i < SIEVE_SIZE; i++) {
      if (composite[i]) continue;
      found += i ^ round;
      for (uint64_t j = (uint64_t)i * i; j < SIEVE_SIZE; j += i) composite[j] = 1;
    }
  }
  return found;
}

enum { CRC_SIZE = 1 << 16, CRC_ROUNDS = 8000 };
static uint32_t crc_table[256];
static uint8_t crc_data[CRC_SIZE];

int64_t crc32(void) {
  uint64_t seed = 1;
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
    crc_table[i] = c;
  }
  for (int i = 0; i < CRC_SIZE; i++) crc_data[i] = (uint8_t)next_random(&seed);
  uint32_t crc = ~0u;
  for (int round = 0; round < CRC_ROUNDS; round++)
    for (int i = 0; i < CRC_SIZE; i++) crc = crc_table[(crc ^ crc_data[i]) & 0xff] ^ (crc >> 8);
  return ~crc;
}

/* SHA-256 by FIPS 180-4, section 6.2; the constants are computed as its section 4.2.2 defines them. */
static uint32_t sha_k[64];
static inline uint32_t ror(uint32_t x, int n) { return x >> n | x << (32 - n); }

/* The first 32 bits of the fractional part of the cube root of n: a double has 20 more. */
static uint32_t cube_root_fraction(unsigned n) {
  double root = cbrt(n);
  return (uint32_t)((root - floor(root)) * 4294967296.0);
}

static void sha_block(uint32_t h[8], const uint8_t *p) {
  uint32_t w[64];
  for (int i = 0; i < 16; i++)
    w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 | (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
  for (int i = 16; i < 64; i++) {
    uint32_t s0 = ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3;
    uint32_t s1 = ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], k = h[7];
  for (int i = 0; i < 64; i++) {
    uint32_t t1 = k + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + ((e & f) ^ (~e & g)) + sha_k[i] + w[i];
    uint32_t t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    k = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e, h[5] += f, h[6] += g, h[7] += k;
}

enum { SHA_BLOCKS = 1024, SHA_ROUNDS = 2400 };
static uint8_t sha_data[SHA_BLOCKS * 64];

int64_t sha256(void) {
  uint64_t seed = 2;
  int count = 0;
  for (unsigned n = 2; count < 64; n++) {
    unsigned d = 2;
    while (d * d <= n && n % d != 0) d++;
    if (d * d > n) sha_k[count++] = cube_root_fraction(n);
  }
  for (unsigned i = 0; i < sizeof sha_data; i++) sha_data[i] = (uint8_t)next_random(&seed);
  uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (int round = 0; round < SHA_ROUNDS; round++)
    for (int i = 0; i < SHA_BLOCKS; i++) sha_block(h, sha_data + 64 * i);
  return (int64_t)((uint64_t)h[0] << 32 | h[7]);
}

/* A register machine of 8 operations: counts the steps of Collatz sequences. */
enum op { MOVE, ADD, ADDI, SHRI, TESTODD, TRIPLE, JNE, LESS, HALT };
struct code {
  uint8_t op, a, b;
  int8_t c;
};
static const struct code program[] = {
  {ADDI, 0, 0, 1},    /*  0: n++            */
  {MOVE, 1, 0, 0},    /*  1: x = n          */
  {TESTODD, 2, 1, 0}, /*  2: t = x & 1      */
  {JNE, 0, 2, 3},     /*  3: odd → 6        */
  {SHRI, 1, 1, 1},    /*  4: x >>= 1        */
  {JNE, 0, 4, 2},     /*  5: always → 7     */
  {TRIPLE, 1, 1, 0},  /*  6: x = 3x + 1     */
  {ADD, 3, 3, 4},     /*  7: steps++        */
  {LESS, 2, 4, 1},    /*  8: t = 1 < x      */
  {JNE, 0, 2, -7},    /*  9: → 2            */
  {LESS, 2, 0, 5},    /* 10: t = n < limit  */
  {JNE, 0, 2, -11},   /* 11: → 0            */
  {HALT, 3, 0, 0},
};

static __attribute__((noinline)) int64_t interpret(const struct code *pc, int64_t limit) {
  uint64_t r[8] = {0, 0, 0, 0, 1, (uint64_t)limit};
  for (;; pc++) {
    switch ((enum op)pc->op) {
    case MOVE: r[pc->a] = r[pc->b]; break;
    case ADD: r[pc->a] = r[pc->b] + r[pc->c]; break;
    case ADDI: r[pc->a] = r[pc->b] + pc->c; break;
    case SHRI: r[pc->a] = r[pc->b] >> pc->c; break;
    case TESTODD: r[pc->a] = r[pc->b] & 1; break;
    case TRIPLE: r[pc->a] = 3 * r[pc->b] + 1; break;
    case JNE: if (r[pc->b] != 0) pc += pc->c - 1; break;
    case LESS: r[pc->a] = r[pc->b] < r[pc->c]; break;
    case HALT: return (int64_t)r[pc->a];
    }
  }
}

int64_t switch_vm(void) { return interpret(program, 400000); }

enum { HASH_SLOTS = 1 << 16, HASH_KEYS = 30000, HASH_ROUNDS = 1900 };
static struct {
  uint64_t key;
  uint64_t value;
} slots[HASH_SLOTS];

static inline uint64_t mix(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdull;
  return x ^ x >> 29;
}

int64_t hash_table(void) {
  uint64_t sum = 0;
  for (int round = 0; round < HASH_ROUNDS; round++) {
    uint64_t seed = round % 3;
    for (int i = 0; i < HASH_KEYS; i++) {
      uint64_t key = next_random(&seed) | 1;
      unsigned at = mix(key) % HASH_SLOTS;
      while (slots[at].key != 0 && slots[at].key != key) {
        at = (at + 1) % HASH_SLOTS;
        if (at == 0 && ++sum % 1024 == 0) memset(slots, 0, sizeof slots);
      }
      slots[at].key = key;
      sum += slots[at].value += i;
    }
    if (round % 2 != 0) memset(slots, 0, sizeof slots);
  }
  return (int64_t)sum;
}

/* Where the compiler calls a function for each, a division takes twenty times as long. */
enum { DIVISIONS = sizeof(void *) == 8 ? 230000000 : 7000000 };

int64_t div64(void) {
  uint64_t seed = 5;
  uint64_t sum = 0;
  for (int i = 0; i < DIVISIONS; i++) {
    uint64_t n = (uint64_t)next_random(&seed) << 32 | (uint64_t)i * 77;
    uint64_t d = (n >> 7 & 0xfffff) + 3;
    sum += n / d + n % (d + 11);
    sum ^= (uint64_t)((int64_t)(n - sum) / (int64_t)(i + 1));
  }
  return (int64_t)sum;
}

int64_t strings(void) {
  static const char *const words[] = {"translate", "emulator", "a", "region", "of", "structured", "control", "flow"};
  static char text[1 << 14], copy[1 << 14];
  uint64_t seed = 6;
  int64_t sum = 0;
  for (int round = 0; round < 3000; round++) {
    char *end = text;
    while (end - text < (int64_t)sizeof text - 16) {
      const char *word = words[next_random(&seed) % 8];
      end = stpcpy(end, word);
      *end++ = ' ';
    }
    *end = 0;
    strcpy(copy, text);
    sum += (int64_t)strlen(copy) + strcmp(copy, text);
    for (char *p = text; (p = strstr(p, "region")) != 0; p++) sum += p - text;
    for (char *save, *word = strtok_r(copy, " ", &save); word != 0; word = strtok_r(0, " ", &save)) {
      for (char *c = word; *c; c++) sum = sum * 31 + *c;
      sum += memcmp(word, "flow", 4) == 0;
    }
    sum += (char *)memchr(text, 'x', sizeof text) != 0;
  }
  return sum;
}
