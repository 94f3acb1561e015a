import { type Program, program } from '../program.ts';
import type { GuestArch } from '../sysroot.ts';

const LUA =
  'local t = {} for i = 1, 1000 do t[i] = (i * 7919) % 1009 end table.sort(t) print(t[1], t[500], 2^53, 10 // 3, "x" .. 1.5)';
const PYTHON =
  'import re, json, struct; print(re.findall(r"(\\w)=(\\d+)", "a=1 b=22")); print(json.dumps({"x": [1.5, 2**70]})); print(struct.pack("<d", 0.1).hex())';

const INOTIFY = `
import ctypes, os, struct
c = ctypes.CDLL(None, use_errno=True); fd = c.inotify_init1(os.O_NONBLOCK)
print(c.inotify_add_watch(fd, b"dir", 0xfff), c.inotify_add_watch(fd, b"text.txt", 0xfff), c.inotify_add_watch(fd, b"missing", 1), ctypes.get_errno())
open("dir/a", "w").write("x"); open("dir/a").read(); os.rename("dir/a", "dir/b"); os.replace("dir/b", "text.txt"); os.mkdir("dir/d"); os.rmdir("dir/d")
data = os.read(fd, 65536); at = 0
while at < len(data): wd, mask, cookie, n = struct.unpack_from("iIII", data, at); print(wd, hex(mask), cookie != 0, data[at + 16:at + 16 + n].rstrip(b"\\0")); at += 16 + n`;

/** Dynamic programs of Debian: coreutils and the usual tools. */
// biome-ignore format: one program per line
export const TOOLS: readonly Program[] = [
  program('ls'), program('ls -1a dir'), program('ls nosuch'), program("stat -c '%n %s %F' text.txt link"), program('sort text.txt'),
  program('sort -g numbers.txt'), program('sort -u -k 2 text.txt'), program('wc text.txt'), program('sha256sum data.bin'), program('md5sum data.bin text.txt'),
  program('b2sum data.bin'), program('sha512sum data.bin'), program('cksum data.bin'), program('seq 1 3 40'), program('seq -f %.3e 1 0.5 3'),
  program('factor 1000000007 18446744073709551557'), program('od -tx1 data.bin'), program('od -tfD data.bin'), program('date -u -d @1234567890 +%c'), program('numfmt --to=iec 123456789'),
  program("printf '%d %5.2f %s %b\\n' 42 3.14159 text 'a\\tb'"), program('cp -a dir copied'), program('mv text.txt moved', { outputs: ['moved'] }), program('rm -rf dir'), program('rm nosuch'),
  program('tee out', { stdin: 'input\n', outputs: ['out'] }), program('split -n 3 text.txt', { outputs: ['xaa', 'xac'] }), program('shuf --random-source=data.bin text.txt'), program('cut -d, -f1,3 table.csv'), program('paste -s numbers.txt'),
  program('join -t, table.csv table.csv'), program('comm text.txt other.txt'), program('tr a-z b-za', { stdin: 'hello\n' }), program('fold -w 30 -s text.txt'), program('fmt -w 50 text.txt'),
  program('pr -t -l 30 text.txt'), program('nl text.txt'), program('tac text.txt'), program('uniq -c', { stdin: 'a\na\nb\n' }), program('base64 data.bin'),
  program('basenc --base16 text.txt'), program('expr 12 * 12'), program('expr abcdef : abc'), program('test 3 -gt 2'), program('pathchk -p a:b'),
  program('realpath dir/../text.txt'), program('readlink -f link'), program('basename a/b.c .c'), program('truncate -s 7 text.txt', { outputs: ['text.txt'] }), program('dd if=data.bin of=o bs=1k count=5 status=none', { outputs: ['o'] }),
  program('head -c 100 data.bin'), program('tail -n +390 text.txt'), program('tsort', { stdin: 'a b b c c d\n' }), program('uname -m'), program('true'), program('false'), program('env', { unordered: true }), program('sleep nothing'),
  program("grep -n 'alpha.*beta' text.txt"), program("grep -P '(?<=mu )nu' text.txt"), program("grep -oE '[a-z]+a\\b' text.txt"), program('grep -r inner dir'), program("sed -E 's/([a-z]+) ([a-z]+)/\\2 \\1/' text.txt"),
  program("sed -n '$=' text.txt"), program("sed -i 's/alpha/OMEGA/' text.txt", { outputs: ['text.txt'] }), program("gawk '{ c[$1]++ } END { n = asorti(c, k); for (i = 1; i <= n; i++) print k[i], c[k[i]] }' text.txt"), program("gawk 'BEGIN { printf \"%.10f %d %s\\n\", atan2(0, -1), 2^31, toupper(\"abc\") }'"), program("mawk '{ print $NF }' text.txt"),
  program('find . -name *.txt -size +1k', { unordered: true }), program("find . -type f -name e* -printf '%f %s\\n'", { unordered: true }), program('diff text.txt other.txt'), program('diff -u text.txt other.txt --label a --label b'), program('cmp text.txt other.txt'),
  program('bc -l', { stdin: 'scale=40\n4*a(1)\n2^200\n' }), program('dc', { stdin: '20 k 2 v p 5 ! \n' }), program(`lua5.4 -e '${LUA}'`), program('jq .', { stdin: '{"b":[1,2.5,{"c":null}],"a":"x"}' }), program("jq '.a | map(. == null)' data.json"),
  program('luajit -e \'local t, s = {}, 0 for i = 1, 3e6 do t[i % 100] = i s = s + (t[i % 7] or 0) % 5 end print(s, jit.status(), jit.arch, jit.os)\''),
  { ...program('python3', { native: true }), name: 'python3: inotify', argv: ['python3', '-c', INOTIFY.trim()] },
  program('file -b text.txt data.bin data.json'), program('gzip -9 -c -n text.txt'), program('bzip2 -c text.txt'), program('xz -c text.txt'), program('zstd -q -c text.txt'), program('zstd -q -c --single-thread --no-asyncio text.txt'),
  program('openssl dgst -sha256 data.bin'), program('openssl enc -aes-128-cbc -K 00112233445566778899aabbccddeeff -iv 0 -in text.txt'), program(`python3 -c '${PYTHON}'`), program("python3 -c 'raise SystemExit(5)'"), program("perl -e 'print join(\",\", map { $_ ** 2 } 1..10), \"\\n\"; printf \"%s %.3f\\n\", \"abc\" =~ /b(c)/, 1/3'"),
  program("bash -c 'declare -A m=([a]=1 [b]=2); for i in {1..5}; do ((s+=i)); done; echo $s ${m[b]} ${BASH_VERSINFO[0]}'"), program("dash -c 'x=abc; echo ${x#a} $((7*6))'"), program("sqlite3 :memory: 'create table t(a,b); insert into t values(1,2.5),(2,null); select sum(a),avg(b),count(*) from t; select upper(hex(\"abc\"))||printf(\"%.3f\",3.14159);'"),
];

const ASSEMBLY: Readonly<Record<string, string>> = {
  arm64: '.text\nadd x0, x1, x2\nret\n',
  armhf: '.text\nadd r0, r1, r2\nbx lr\n',
  amd64: '.text\naddq %rdx, %rax\nret\n',
  i386: '.text\naddl %edx, %eax\nret\n',
};

/** The guest's own compiler and assembler. */
// biome-ignore format: one program per line
export const toolchain = ({ arch, triplet }: GuestArch): readonly Program[] => [
  program('as -o out.o -', { stdin: ASSEMBLY[arch] ?? '', outputs: ['out.o'] }),
  program('cc1 -quiet -O2 -o out.s -', { file: `usr/lib/gcc/${triplet}/12/cc1`, stdin: 'int f(int n) { int s = 0; for (int i = 0; i < n; i++) s += i * i; return s; }\n', outputs: ['out.s'] }),
];
