/* Kernels the compiler turns into vector code (built with -O3). */
#include "kernels.h"
#include <stdint.h>

enum { MATRIX = 160 };
static float ma[MATRIX][MATRIX], mb[MATRIX][MATRIX], mc[MATRIX][MATRIX];

int64_t f32_matmul(void) {
  uint64_t seed = 12;
  for (int i = 0; i < MATRIX; i++)
    for (int j = 0; j < MATRIX; j++) {
      ma[i][j] = (float)(next_random(&seed) % 1000) / 500 - 1;
      mb[i][j] = (float)(next_random(&seed) % 1000) / 500 - 1;
    }
  for (int round = 0; round < 80 / DIVISOR; round++) {
    for (int i = 0; i < MATRIX; i++)
      for (int k = 0; k < MATRIX; k++) {
        float factor = ma[i][k];
        for (int j = 0; j < MATRIX; j++) mc[i][j] += factor * mb[k][j];
      }
    ma[round][round] += mc[round][1] * 1e-3f;
  }
  double sum = 0;
  for (int i = 0; i < MATRIX; i++) sum += mc[i][i];
  return bits_of(sum);
}

enum { SAXPY = 4096 };
static double sx[SAXPY], sy[SAXPY];

int64_t f64_saxpy(void) {
  for (int i = 0; i < SAXPY; i++) sx[i] = i * 0.5, sy[i] = -i;
  for (int round = 0; round < 77000 / DIVISOR; round++) {
    double a = 1e-3 * (round % 7 - 3);
    for (int i = 0; i < SAXPY; i++) sy[i] += a * sx[i];
  }
  double sum = 0;
  for (int i = 0; i < SAXPY; i++) sum += sy[i];
  return bits_of(sum);
}

enum { PIXELS = 1 << 14 };
static uint8_t over[PIXELS], under[PIXELS], mixed[PIXELS];

int64_t pixels(void) {
  uint64_t seed = 13;
  for (int i = 0; i < PIXELS; i++) over[i] = (uint8_t)next_random(&seed), under[i] = (uint8_t)next_random(&seed);
  for (int round = 0; round < 40000 / DIVISOR; round++) {
    unsigned alpha = round & 255;
    for (int i = 0; i < PIXELS; i++) {
      unsigned v = (over[i] * alpha + under[i] * (255 - alpha) + 128) >> 8;
      mixed[i] = (uint8_t)(v > 250 ? 255 : v);
    }
    over[round % PIXELS] ^= mixed[PIXELS - 1 - round % PIXELS];
  }
  int64_t sum = 0;
  for (int i = 0; i < PIXELS; i++) sum = sum * 3 + mixed[i];
  return sum;
}

enum { DOT = 1 << 13 };
static int16_t da[DOT], db[DOT];

int64_t dot_product(void) {
  uint64_t seed = 14;
  for (int i = 0; i < DOT; i++) da[i] = (int16_t)next_random(&seed), db[i] = (int16_t)(next_random(&seed) >> 4);
  int64_t sum = 0;
  for (int round = 0; round < 170000 / DIVISOR; round++) {
    int32_t part = 0;
    for (int i = 0; i < DOT; i++) part += (int32_t)((uint32_t)(da[i] * db[i]) >> 3);
    sum = sum * 3 + part;
    da[round % DOT] ^= (int16_t)part;
  }
  return sum;
}
