import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findSoftHsm } from '#bootstrap/softhsm.mjs';
import { REGTEST } from '@bulkhead/intent';
import { pkcs11ProfileSchema, softhsmConfiguration } from '@bulkhead/keys';
import { genesisAct, makeMembers, type TestMember } from './charter-builder.js';
import { bulkhead, startBulkheadAtTerminal, startBulkheadCommand, type Ran } from './run-bulkhead.js';
import { softhsmProfile } from './softhsm.js';
import { SIGNER_RECORDS } from './wallets.js';

export const SIGNERS = ['signer-a', 'signer-b', 'signer-c'];
export const PROFILE = pkcs11ProfileSchema.parse({ ...softhsmProfile, libraries: [findSoftHsm()] });
const KEY_PROMPT = 'key file, reject <key file>, or nothing to stop: ';
const PASSPHRASE_PROMPT = /passphrase of \S+: /;

/** The table of a genesis ceremony, with three blank tokens, and everybody’s key on a stick of its own. */
export class CeremonyTable {
  readonly folder = mkdtempSync(join(tmpdir(), 'bulkhead-ceremony-'));
  readonly members = makeMembers();
  readonly everybody: readonly TestMember[] = Object.values({ ...this.members });
  readonly transcript = this.path('transcript.jsonl');
  readonly plan = this.path('plan.json');
  readonly keys = this.path('keys');

  constructor(changes: object = {}) {
    mkdirSync(this.keys);
    for (const { id } of this.everybody) this.bring(id);
    writeFileSync(this.path('softhsm2.pkcs11.json'), JSON.stringify(PROFILE));
    const plan = {
      name: 'Rehearsal',
      rota: [
        { performer: 'olivia', witness: 'carla' },
        { performer: 'omar', witness: 'oskar' },
      ],
      tokens: SIGNERS.map((signer) => this.blankToken(signer)),
      wallets: [
        { id: 'house-btc', chain: REGTEST, threshold: 2, recovery: { kind: 'none' }, recoveryDelayBlocks: 4_320 },
      ],
      // the serial numbers come from the tokens that it makes
      genesis: genesisAct(
        this.everybody,
        SIGNER_RECORDS.map(({ id, tlsFingerprint }) => ({ id, tlsFingerprint })),
      ),
      genesisFile: 'genesis.json',
      ...changes,
    };
    writeFileSync(this.plan, JSON.stringify(plan));
  }

  path(name: string): string {
    return join(this.folder, name);
  }
  bring(id: string): void {
    const member = this.everybody.find((one) => one.id === id)!;
    writeFileSync(join(this.keys, `${id}.pem`), member.privateKeyPem, { mode: 0o600 });
  }
  takeAway(id: string): void {
    rmSync(join(this.keys, `${id}.pem`));
  }
  environment(signer: string): { SOFTHSM2_CONF: string } {
    return { SOFTHSM2_CONF: this.path(`${signer}.conf`) };
  }
  /** As its plan names them. */
  tokens(): readonly object[] {
    return (JSON.parse(readFileSync(this.plan, 'utf8')) as { tokens: object[] }).tokens;
  }
  private blankToken(signer: string) {
    const tokens = this.path(`${signer}-tokens`);
    mkdirSync(tokens);
    writeFileSync(this.path(`${signer}.conf`), softhsmConfiguration(tokens));
    const [pinFile, soPinFile] = [`${signer}.pin`, `${signer}.so-pin`];
    return {
      signer,
      profileFile: 'softhsm2.pkcs11.json',
      label: signer,
      pinFile,
      soPinFile,
      env: this.environment(signer),
    };
  }

  arguments(): string[] {
    return ['ceremony', '--plan', this.plan, '--transcript', this.transcript, '--keys', this.keys];
  }
  run(): Promise<Ran> {
    return bulkhead(...this.arguments());
  }
  /** Answers each question on the process’s own standard input, as somebody at the keyboard would. */
  async atTerminal(answer: (asked: string) => string): Promise<Ran> {
    const args = ['ceremony', '--plan', this.plan, '--transcript', this.transcript];
    const ceremony = startBulkheadCommand(args, 'pipe');
    let output = '';
    const heard = (chunk: Buffer): void => {
      output += String(chunk);
      const asked = /(\w+): signs that this was \w+ as shown[^:]*: $/.exec(output)?.[1];
      if (asked !== undefined) {
        output += '\n';
        ceremony.stdin?.write(`${answer(asked)}\n`);
      }
    };
    ceremony.stdout?.on('data', heard);
    ceremony.stderr?.on('data', heard);
    const [status] = (await once(ceremony, 'close')) as [number];
    return { status, output };
  }
  /** At a terminal of its own (script(1)): types the answers one after the other, each to the next question. */
  async typing(answers: readonly string[]): Promise<Ran> {
    const terminal = startBulkheadAtTerminal(['ceremony', '--plan', this.plan, '--transcript', this.transcript]);
    const waiting = [...answers];
    let [output, heard] = ['', 0];
    terminal.stdout?.on('data', (chunk: Buffer) => {
      output += String(chunk);
      const asked = new RegExp(`${KEY_PROMPT}|${PASSPHRASE_PROMPT.source}`, 'g');
      asked.lastIndex = heard;
      if (!asked.exec(output)) return;
      heard = asked.lastIndex;
      terminal.stdin?.write(`${waiting.shift() ?? ''}\r`);
    });
    const [status] = (await once(terminal, 'close')) as [number];
    return { status, output };
  }
  verify(file = this.transcript): Promise<Ran> {
    return bulkhead('verify', 'transcript', file);
  }
  get lines(): string[] {
    return existsSync(this.transcript) ? readFileSync(this.transcript, 'utf8').trimEnd().split('\n') : [];
  }
  clear(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
