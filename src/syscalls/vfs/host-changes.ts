import fs from 'node:fs';
import {
  IN_ATTRIB,
  IN_CREATE,
  IN_DELETE,
  IN_DELETE_SELF,
  IN_ISDIR,
  IN_MODIFY,
  IN_MOVED_TO,
} from '../kernel/inotify.ts';
import { hostPath } from './host-stat.ts';
import type { BytePath } from './types.ts';

/** What was last known of a file. */
interface Look {
  readonly ino: bigint;
  readonly directory: boolean;
  readonly content: string;
  readonly all: string;
}

function look(path: BytePath): Look | null {
  const stat = fs.lstatSync(hostPath(path), { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return null;
  const content = `${stat.size} ${stat.mtimeNs}`;
  const all = `${content} ${stat.ctimeNs} ${stat.nlink} ${stat.mode}`;
  return { ino: stat.ino, directory: stat.isDirectory(), content, all };
}

/**
 * Changes that programs of the host make in a watched directory or file, by fs.watch, which tells of our own as
 * well: those leave a file as it was last looked at. It does not say what was opened, read or closed, and a file
 * that is moved is one deleted and one created.
 */
export class HostChanges {
  private readonly path: BytePath;
  private readonly told: (name: BytePath | null, mask: number) => void;
  private readonly release: () => void;
  private readonly watcher: fs.FSWatcher;
  private readonly known: Map<BytePath, Look> = new Map();
  private self: Look | null;

  /** `told` gets a name in the directory, null for what is watched itself; `release` is called at the end. Throws when the host cannot watch it. */
  constructor(
    path: BytePath,
    directory: boolean,
    told: (name: BytePath | null, mask: number) => void,
    release: () => void,
  ) {
    this.path = path;
    this.told = told;
    this.release = release;
    this.watcher = fs.watch(hostPath(path), { persistent: false, encoding: 'buffer' }, (_kind, name) => {
      if (directory && name !== null) this.changed(name.toString('latin1'));
      this.changedSelf();
    });
    // what happens to it afterwards is seen by looking
    this.watcher.on('error', () => this.changedSelf());
    this.self = look(path);
    if (!directory) return;
    for (const name of fs.readdirSync(hostPath(path), { encoding: 'latin1' })) this.expect(name);
  }

  /** One of our guests changed it: that is no news. */
  expect(name: BytePath | null): void {
    const now = look(name === null ? this.path : `${this.path}/${name}`);
    if (name === null) this.self = now;
    else if (now === null) this.known.delete(name);
    else this.known.set(name, now);
  }

  private changed(name: BytePath): void {
    const old = this.known.get(name);
    this.expect(name);
    const now = this.known.get(name);
    const flags = (now ?? old)?.directory === true ? IN_ISDIR : 0;
    if (old === undefined) {
      if (now !== undefined) this.told(name, IN_CREATE | flags);
    } else if (now === undefined) this.told(name, IN_DELETE | flags);
    else if (now.ino !== old.ino) this.told(name, IN_MOVED_TO | flags);
    else if (!now.directory && now.content !== old.content) this.told(name, IN_MODIFY);
    else if (!now.directory && now.all !== old.all) this.told(name, IN_ATTRIB);
  }

  private changedSelf(): void {
    const old = this.self;
    if (old === null) return;
    this.self = look(this.path);
    if (this.self === null || this.self.ino !== old.ino) {
      this.self = null;
      if (!old.directory) this.told(null, IN_ATTRIB);
      this.told(null, IN_DELETE_SELF);
    } else if (!old.directory && this.self.content !== old.content) this.told(null, IN_MODIFY);
    else if (!old.directory && this.self.all !== old.all) this.told(null, IN_ATTRIB);
  }

  close(): void {
    this.watcher.close();
    this.release();
  }
}
