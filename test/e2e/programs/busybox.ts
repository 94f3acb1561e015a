import { applet, type Program } from '../program.ts';

const TEXT = 'the quick brown fox\njumps over\nthe lazy dog\n';

/** busybox-static: applets that need no child process. */
// biome-ignore format: one program per line
export const BUSYBOX: readonly Program[] = [
  applet('echo hello world'), applet('echo -e a\\tb\\x41'), applet('printf %05d:%s:%x\\n 42 str 255'), applet('true'), applet('false'),
  applet('cat text.txt'), applet('cat -n', { stdin: TEXT }), applet('tac', { stdin: TEXT }), applet('rev', { stdin: TEXT }), applet('nl numbers.txt'),
  applet('head -n 5 text.txt'), applet('tail -n 5 text.txt'), applet('tail -c 20 data.bin'), applet('wc text.txt numbers.txt'), applet('sort text.txt'),
  applet('sort -n numbers.txt'), applet('sort -k 2 -r text.txt'), applet('uniq -c', { stdin: 'a\na\nb\na\n' }), applet('cut -d, -f2 table.csv'), applet('cut -c 2-5 text.txt'),
  applet('paste numbers.txt text.txt'), applet('comm text.txt other.txt'), applet('join -t, table.csv table.csv'), applet('tr a-z A-Z', { stdin: TEXT }), applet('tr -d aeiou', { stdin: TEXT }),
  applet('grep -n beta text.txt'), applet("grep -E '^(mu|nu) .*pi$' text.txt"), applet('grep -c zeta text.txt'), applet('grep nothing text.txt'), applet("sed 's/a/X/g;3d' text.txt"),
  applet("sed -n '/beta/,/gamma/p' text.txt"), applet("awk '{ n += NF } END { print NR, n }' text.txt"), applet("awk -F, 'NR > 1 { s += $3 } END { printf \"%.3f\\n\", s }' table.csv"), applet("awk 'BEGIN { for (i = 0; i < 10; i++) print i, sqrt(i), exp(i) }'"), applet('seq 1 20'),
  applet('seq -w 8 2 20'), applet('factor 1234567890 97 65536'), applet('expr 6 * 7'), applet('expr length hello'), applet('test -f text.txt'),
  applet('test -d text.txt'), applet('[ 3 -lt 5 ]'), applet('basename /a/b/c.txt .txt'), applet('dirname /a/b/c.txt'), applet('realpath dir/../text.txt'),
  applet('readlink link'), applet('pwd'), applet('md5sum data.bin'), applet('sha1sum data.bin'), applet('sha256sum data.bin'),
  applet('sha512sum data.bin'), applet('sha3sum data.bin'), applet('cksum data.bin'), applet('crc32 data.bin'), applet('sum data.bin'),
  applet('base64 data.bin'), applet('base64 -d', { stdin: 'aGVsbG8gd29ybGQK' }), applet('base32 text.txt'), applet('uuencode text.txt x'), applet('od -An -tx1 data.bin'),
  applet('hexdump -C data.bin'), applet('xxd text.txt'), applet('strings data.bin'), applet('fold -w 20 text.txt'), applet('expand', { stdin: 'a\tb\n' }),
  applet('unexpand -a', { stdin: 'a       b\n' }), applet('split -l 100 text.txt part-', { outputs: ['part-aa', 'part-ad'] }), applet('ls'), applet('ls -1 dir'), applet('ls -d nosuch'),
  applet('cp text.txt copy.txt', { outputs: ['copy.txt'] }), applet('mv text.txt moved.txt', { outputs: ['moved.txt'] }), applet('rm text.txt'), applet('rm nosuch'), applet('mkdir -p a/b/c'),
  applet('rmdir dir'), applet('ln -s text.txt new', { outputs: ['new'] }), applet('ln text.txt hard', { outputs: ['hard'] }), applet('touch fresh', { outputs: ['fresh'] }), applet('chmod 600 text.txt'),
  applet("stat -c '%n %s %F %a' text.txt"), applet('find dir -name inner.txt'), applet('find . -type l'), applet('du -b empty'), applet('dd if=data.bin bs=100 count=3 skip=2', { outputs: [] }),
  applet('tee out.txt', { stdin: TEXT, outputs: ['out.txt'] }), applet('truncate -s 100 text.txt', { outputs: ['text.txt'] }), applet('cmp text.txt other.txt'), applet('diff text.txt other.txt'), applet('gzip -c empty'),
  applet('gzip -k data.bin', { outputs: [] }), applet('bzip2 -c text.txt'), applet('tar -cf out.tar dir', { outputs: [] }), applet('cal 2 2024'), applet("date -u -d @1000000000 '+%Y-%m-%d %H:%M:%S'"),
  applet('env', { unordered: true }), applet('printenv HOME'), applet('uname -m'), applet('uname -s'), applet('id -u nosuchuser'),
  applet('sleep 0'), applet('usleep 1'), applet('nproc --ignore 100'), applet('dc', { stdin: '2 3 ^ p 10 k 2 v p\n' }),
  applet('bc', { stdin: '2^100\nscale=20\n1/7\n' }), applet("sh -c 'i=0; while [ $i -lt 500 ]; do i=$((i+1)); done; echo $i'"), applet("sh -c 'case abc in a*) echo yes;; esac; exit 3'"), applet("sh -c 'kill -TERM $$'"),
  applet("sh -c 'trap \"echo trapped\" USR1; kill -USR1 $$; echo after'"), applet('nosuchapplet'), applet('ipcalc -n 10.1.2.3/8'), applet('ascii'), applet('unlink link'),
];
