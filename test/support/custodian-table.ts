import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ShareFile } from '@bulkhead/keys';
import { makeMembers, publicPart, type TestMember, type TestMembers } from './members.js';
import { bulkhead, startBulkheadAtTerminal, type Ran } from './run-bulkhead.js';
import type { SofthsmFolder } from './softhsm.js';

export const CUSTODIANS = ['ada', 'bert', 'cleo'];
type TokenPlace = Pick<SofthsmFolder, 'profile' | 'tokenLabel' | 'pinFile' | 'soPinFile' | 'env'>;

/** A ceremony of a wrapping key: members with keys, custodians with passphrases, each in a file of their own. */
export class CustodianTable {
  readonly folder = mkdtempSync(join(tmpdir(), 'bulkhead-custodians-'));
  readonly shares = this.path('shares');
  private readonly members: readonly TestMember[];

  constructor(
    readonly firm = 'ab'.repeat(32),
    members: TestMembers = makeMembers(),
  ) {
    this.members = Object.values({ ...members });
    for (const folder of ['keys', 'passphrases']) mkdirSync(this.path(folder));
    for (const { id, privateKeyPem } of this.members)
      writeFileSync(this.path(`keys/${id}.pem`), privateKeyPem, { mode: 0o600 });
    for (const custodian of CUSTODIANS) this.bring(custodian);
  }

  path(name: string): string {
    return join(this.folder, name);
  }
  /** A member who signs, or does not. */
  takeAwayKey(id: string): void {
    rmSync(this.path(`keys/${id}.pem`));
  }
  bringKey(id: string): void {
    const { privateKeyPem } = this.members.find((member) => member.id === id)!;
    writeFileSync(this.path(`keys/${id}.pem`), privateKeyPem, { mode: 0o600 });
  }
  bring(custodian: string, passphrase = `battery staple of ${custodian}`): void {
    writeFileSync(this.path(`passphrases/${custodian}.passphrase`), `${passphrase}\n`, { mode: 0o600 });
  }
  takeAway(custodian: string): void {
    rmSync(this.path(`passphrases/${custodian}.passphrase`), { force: true });
  }
  shareFile(custodian: string): string {
    return join(this.shares, `${custodian}.share.json`);
  }
  share(custodian: string): ShareFile {
    return JSON.parse(readFileSync(this.shareFile(custodian), 'utf8')) as ShareFile;
  }
  /** The profile of the token, with backups, as a file. */
  profileFile({ profile, tokenLabel }: TokenPlace): string {
    const file = this.path(`${tokenLabel}.profile.json`);
    writeFileSync(file, JSON.stringify({ ...profile, keyBackup: 'wrapped' }));
    return file;
  }

  createPlan(name: string, tokens: readonly TokenPlace[], changes: object = {}): string {
    const terms = { wrappingKey: 'backup', threshold: 2, custodians: CUSTODIANS, sharesFolder: 'shares' };
    return this.plan(name, tokens, { ...terms, ...changes });
  }
  installPlan(name: string, tokens: readonly TokenPlace[], shares: readonly string[], changes: object = {}): string {
    return this.plan(name, tokens, { shares, ...changes });
  }
  private plan(name: string, tokens: readonly TokenPlace[], terms: object): string {
    const plan = {
      name,
      firm: this.firm,
      members: this.members.map(publicPart),
      rota: [
        { performer: 'olivia', witness: 'carla' },
        { performer: 'omar', witness: 'oskar' },
      ],
      tokens: tokens.map((token) => ({
        signer: token.tokenLabel,
        profileFile: this.profileFile(token),
        label: token.tokenLabel,
        pinFile: token.pinFile,
        soPinFile: token.soPinFile,
        env: token.env,
      })),
      ...terms,
    };
    const file = this.path(`${name}.plan.json`);
    writeFileSync(file, JSON.stringify(plan));
    return file;
  }

  transcript(name: string): string {
    return this.path(`${name}.jsonl`);
  }
  arguments(what: 'create' | 'install', name: string): string[] {
    const rehearsal = ['--keys', this.path('keys'), '--passphrases', this.path('passphrases')];
    const files = ['--plan', this.path(`${name}.plan.json`), '--transcript', this.transcript(name)];
    return ['hsm', 'wrapping-key', what, ...files, ...rehearsal];
  }
  run(what: 'create' | 'install', name: string): Promise<Ran> {
    return bulkhead(...this.arguments(what, name));
  }
  /** The same with custodians at the keyboard of a terminal of its own (script(1)), each typing what they are to. */
  async atTerminal(what: 'install', name: string, typed: Readonly<Record<string, string>>): Promise<Ran> {
    const command = this.arguments(what, name).filter(
      (_, place, all) => ![all[place], all[place - 1]].includes('--passphrases'),
    );
    const terminal = startBulkheadAtTerminal(command);
    let output = '';
    let answered = 0;
    terminal.stdout?.on('data', (chunk: Buffer) => {
      output += String(chunk);
      const asked = [...output.matchAll(/(\w+): passphrase of your share[^:]*: not here\): /g)];
      for (const [, custodian] of asked.slice(answered)) terminal.stdin?.write(`${typed[custodian!] ?? ''}\r`);
      answered = asked.length;
    });
    const [status] = (await once(terminal, 'close')) as [number];
    return { status, output };
  }
  verify(name: string): Promise<Ran> {
    return bulkhead('verify', 'transcript', this.transcript(name), '--firm', this.firm);
  }
  clear(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
