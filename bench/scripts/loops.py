# Integers, dictionaries, lists, strings and classes of Python.
import re
import sys


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def add(self, other):
        return Point(self.x + other.x, self.y - other.y)


def collatz(limit):
    best = at = 0
    for n in range(1, limit):
        x, steps = n, 0
        while x != 1:
            x = 3 * x + 1 if x % 2 else x // 2
            steps += 1
        if steps > best:
            best, at = steps, n
    return at


for _ in range(int((sys.argv + ["1"])[1])):
    words = {}
    for i in range(60000):
        key = f'k{i * 7919 % 5000}'
        words[key] = words.get(key, 0) + i
    keys = sorted(words, key=lambda k: (-words[k], k))
    text = ' '.join(keys)
    here = Point(0, 0)
    for i in range(60000):
        here = here.add(Point(i, 1))
    total = sum(x * 0.5 for x in range(200000))
    print(collatz(6000), len(keys), keys[0], len(re.findall(r'\bk4\d+\b', text)), here.x, here.y, total, 3**2000 % 10**9)
