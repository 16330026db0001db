import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { Failure } from '#bootstrap/failure.mjs';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
}

export interface UnprivilegedUser {
  readonly uid: number;
  readonly gid: number;
  /** Lets it pass folders that are closed to others, such as /root. */
  readonly reachAnyPath: boolean;
}

/**
 * PostgreSQL refuses to run as root.
 * @param paths what the program must reach
 * @returns undefined unless we are root; then `postgres`, if the machine has that user, else `nobody`
 */
export function unprivilegedUser(paths: readonly string[]): UnprivilegedUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const found = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  const [, , uid, gid] = found ?? [];
  if (uid === undefined || gid === undefined) {
    throw new Failure(
      'PostgreSQL does not run as root, and this machine has no user "postgres" or "nobody".',
      'Run as another user.',
    );
  }
  return { uid: Number.parseInt(uid, 10), gid: Number.parseInt(gid, 10), reachAnyPath: !isOpenToOthers(paths) };
}

/** @returns whether other users can pass all folders above these */
function isOpenToOthers(paths: readonly string[]): boolean {
  const above = (path: string): string[] => (dirname(path) === path ? [] : [dirname(path), ...above(dirname(path))]);
  return paths.flatMap(above).every((folder) => (statSync(folder).mode & 0o001) !== 0);
}

/** @returns the command, to run as its user when it names one */
export function asUser({ command, args, user }: Command & { readonly user?: UnprivilegedUser | undefined }): Command {
  if (!user) return { command, args };
  const options = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
  // by default access(2), which PostgreSQL asks about its own binaries, leaves capabilities out: capabilities(7), SECBIT_NO_SETUID_FIXUP
  if (user.reachAnyPath) {
    options.push('--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search', '--securebits=+no_setuid_fixup');
  }
  return { command: 'setpriv', args: [...options, '--', command, ...args] };
}
