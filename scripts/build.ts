/** Build dist/: the command line as CommonJS files, the library as an ES module with types. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { composerModules } from '../src/composer-bytes.ts';
import { templateFile, templatesName } from '../src/cpu/built-templates.ts';
import { Templates } from '../src/cpu/templates.ts';
import { generateInterpreter, INTERPRETERS, interpreterFile } from '../src/interpreter-bytes.ts';
import * as translator from '../src/translator.ts';
import { buildSeed } from './build-seed.ts';
import { type ByteGuestName, guestsWithBytes, learnedBytes } from './usual-bytes.ts';
import { guestsWithWords, usualWords } from './usual-words.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Packages that few runs need: bundles of their own, so that the others do not read them. */
const RARE: Readonly<Record<string, string>> = { memfs: './memfs.cjs', yargs: './yargs.cjs' };

const rarePackages: Plugin = {
  name: 'rare-packages',
  setup(context) {
    context.onResolve({ filter: /^(memfs|yargs)$/ }, ({ path, kind }) =>
      kind === 'entry-point' ? null : { path: RARE[path] ?? path, external: true },
    );
  },
};

/** What src/translator.ts exports, in the command line's bundle: functions that load its file when they are called. */
const translatorApart: Plugin = {
  name: 'translator-apart',
  setup(context) {
    context.onResolve({ filter: /\/(translation|front-ends|log)\.ts$/ }, () => ({
      path: 'translator',
      namespace: 'apart',
    }));
    context.onLoad({ filter: /.*/, namespace: 'apart' }, () => {
      const names = Object.entries(translator).map(([name, value]) => {
        if (typeof value !== 'function') throw new Error(`src/translator.ts exports ${name}, which is no function`);
        return `export const ${name}=(...a)=>t().${name}(...a);`;
      });
      return { contents: `let m;const t=()=>m??=require('./translator.cjs');${names.join('')}`, resolveDir: root };
    });
    context.onResolve({ filter: /translator\.cjs$/ }, ({ path }) => ({ path, external: true }));
  },
};

/** Names the translator: kept translations of another build are not used. */
function buildId(): number {
  const hash = createHash('sha256');
  for (const name of fs.readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' }).sort()) {
    if (name.endsWith('.ts')) hash.update(name).update(fs.readFileSync(`${root}src/${name}`));
  }
  return hash.digest().readUInt32LE(0);
}

const COMMON: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node24',
  charset: 'ascii',
  logLevel: 'warning',
  define: { TSQEMU_BUILD: JSON.stringify(buildId()) },
};

/** CommonJS loads faster than ES modules, and V8's code cache covers it whole. */
const COMMAND: BuildOptions = {
  ...COMMON,
  format: 'cjs',
  minifyWhitespace: true,
  minifySyntax: true,
  // For modules that look for files beside themselves.
  define: { ...COMMON.define, 'import.meta.dirname': '__dirname', 'import.meta.url': '__importMetaUrl' },
};

/** What packages find as import.meta.url; making it costs a start that needs none. */
const URL_BANNER = 'const __importMetaUrl=require("node:url").pathToFileURL(__filename).href;';

/** Newest change of a source file or of the packages bundled with it, in milliseconds. */
function newestSource(): number {
  const sources = fs.readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' }).map((name) => `src/${name}`);
  const inputs = [...sources, 'package.json', 'package-lock.json', 'scripts/build.ts'];
  return inputs.reduce((newest, name) => Math.max(newest, fs.statSync(root + name).mtimeMs), 0);
}

/** Whether something changed since the last time. */
function isStale(): boolean {
  const files = [
    'cli.cjs',
    'index.js',
    'worker.cjs',
    'translator.cjs',
    ...Object.keys(composerModules),
    ...INTERPRETERS.map(interpreterFile),
    ...Object.values(RARE),
  ].map((name) => `${root}dist/${name}`);
  const built = files.map((file) => fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  return Math.min(...built) <= newestSource();
}

export async function bundleIfStale(): Promise<void> {
  if (isStale()) await bundle();
}

/**
 * Bundle the command line and the library. Files are written elsewhere and renamed, so that a program
 * started meanwhile finds whole files: the old ones or the new ones.
 */
export async function bundle(): Promise<void> {
  fs.mkdirSync(`${root}dist`, { recursive: true });
  const fresh = path.relative(root, fs.mkdtempSync(`${root}dist/.new-`));
  try {
    await bundleInto(fresh);
    for (const name of fs.readdirSync(root + fresh)) fs.renameSync(`${root}${fresh}/${name}`, `${root}dist/${name}`);
  } finally {
    fs.rmSync(root + fresh, { recursive: true, force: true });
  }
}

/**
 * esbuild makes an object with all properties of a module of Node's for each file that imports it; one behind which the
 * module itself stands saves a start two milliseconds.
 */
const builtinsUncopied = (text: string): string =>
  text
    .replace('"use strict";', '"use strict";var __nodeModule=id=>{let m=require(id);return{__proto__:m,default:m}};')
    .replaceAll(/__toESM\(require\(("node:\w+")\)(?:,1)?\)/g, '__nodeModule($1)');

/** The parameters that Node gives a module; see enclosed. */
const MODULE = '(exports, require, module, __filename, __dirname)';

/**
 * A module that is a function of these parameters when it is run as a script, which bin/start.js does with code that V8
 * kept: so its text is the whole script, and not copied for what stands around it.
 */
const enclosed = (text: string): string => `(m=>this===globalThis?m:m${MODULE})(function${MODULE}{${text}\n})`;

async function bundleInto(dist: string): Promise<void> {
  const { metafile } = await build({
    ...COMMAND,
    entryPoints: ['src/cli.ts'],
    outfile: `${dist}/cli.cjs`,
    plugins: [rarePackages, translatorApart],
    alias: { assert: `${root}scripts/lazy-assert.cjs` },
    metafile: true,
  });
  // a run that translates nothing shall not load it; see src/cpu/translation.ts and src/front-ends.ts
  if ('src/cpu/ir/opcodes.ts' in metafile.inputs) throw new Error('cli.cjs contains the translator');
  for (const name of ['worker', 'translator']) {
    await build({ ...COMMAND, entryPoints: [`src/${name}.ts`], outfile: `${dist}/${name}.cjs` });
  }
  for (const name of ['cli', 'translator', 'worker']) {
    const plain = builtinsUncopied(fs.readFileSync(`${root}${dist}/${name}.cjs`, 'utf8'));
    const text = name === 'worker' ? plain : enclosed(plain);
    // bin/start.js reads them as that
    if (/[^\0-\x7f]/.test(text)) throw new Error(`${name}.cjs is not ASCII`);
    fs.writeFileSync(`${root}${dist}/${name}.cjs`, text);
  }
  for (const [name, file] of Object.entries(RARE)) {
    // Seen from CommonJS, a default import is the module itself.
    const footer = name === 'yargs' ? { footer: { js: 'module.exports=module.exports.default;' } } : {};
    await build({ ...COMMAND, ...footer, banner: { js: URL_BANNER }, entryPoints: [name], outfile: `${dist}/${file}` });
  }
  await build({
    ...COMMON,
    entryPoints: ['src/index.ts'],
    outfile: `${dist}/index.js`,
    format: 'esm',
    packages: 'external',
  });
  for (const [guest, create] of Object.entries(guestsWithWords)) {
    const frontEnd = create();
    fs.writeFileSync(
      `${dist}/${templateFile(templatesName(frontEnd))}`,
      Templates.learned(frontEnd, usualWords(guest)),
    );
  }
  for (const guest of Object.keys(guestsWithBytes) as ByteGuestName[]) {
    const name = templatesName({ name: guest, variant: 'plain' });
    fs.writeFileSync(`${dist}/${templateFile(name)}`, learnedBytes(guest));
  }
  for (const [file, bytes] of Object.entries(composerModules)) fs.writeFileSync(`${dist}/${file}`, bytes());
  for (const kind of INTERPRETERS) fs.writeFileSync(`${dist}/${interpreterFile(kind)}`, generateInterpreter(kind));
}

// npm runs `prepare` in a clone, and again when npx is used there for the first time
const isDone = process.argv.includes('--if-stale') && !isStale() && fs.existsSync(`${root}dist/types/index.d.ts`);
if (import.meta.main && !isDone) {
  fs.rmSync(`${root}dist/types`, { recursive: true, force: true });
  await bundle();
  execFileSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}tsconfig.build.json`], {
    stdio: 'inherit',
  });
  buildSeed(root);
}
