import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from '#bootstrap/project.mjs';
import { pkcs11ProfileSchema } from '@bulkhead/keys';
import { readPin, SIGNER_NAMES, type Stack, type Token } from '../stack/index.js';
import { perSecond } from './figures.js';
import type { RawSignAnswer, RawSignOrder, RawSignRequest } from './raw-sign-child.js';

const CHILD = join(projectFolder, 'dist/apps/cli/src/bench/raw-sign-child.js');

/**
 * The signers' own tokens, driven bare: one process for each, logged in before its signer is, with a key beside those of
 * wallets. They rest while nothing is measured.
 */
export class RawTokens {
  private constructor(private readonly children: readonly ChildProcess[]) {}

  /** To be opened before the signers start: logins to one SoftHSM token must not happen at once. */
  static async open(stack: Stack): Promise<RawTokens> {
    const profile = pkcs11ProfileSchema.parse(
      JSON.parse(readFileSync(join(projectFolder, 'hsm-config', 'softhsm2.json'), 'utf8')),
    );
    return new RawTokens(
      await Promise.all(SIGNER_NAMES.map((signer) => openToken(stack.tokens[signer], profile.curveOid))),
    );
  }

  /** @returns signatures per second of the first token while the others rest */
  async one(durationMs: number): Promise<number> {
    const [first] = this.children;
    return first ? sign(first, durationMs) : 0;
  }

  /** @returns signatures per second of all tokens together, driven at the same time */
  async all(durationMs: number): Promise<number> {
    const rates = await Promise.all(this.children.map((child) => sign(child, durationMs)));
    return rates.reduce((sum, rate) => sum + rate, 0);
  }

  async close(): Promise<void> {
    await Promise.all(
      this.children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        child.disconnect();
        await ended;
      }),
    );
  }
}

async function openToken(token: Token, curveOid: string): Promise<ChildProcess> {
  const child = fork(CHILD, [], {
    env: { PATH: process.env.PATH, SOFTHSM2_CONF: token.configFile },
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const order: RawSignOrder = { module: token.module, tokenLabel: token.label, pin: readPin(token), curveOid };
  await answer(child, order);
  return child;
}

async function sign(child: ChildProcess, durationMs: number): Promise<number> {
  const { signatures, elapsedMs } = (await answer(child, { durationMs })) as RawSignAnswer;
  return perSecond(signatures, elapsedMs);
}

/** @throws Error when the child ends instead of answering; it says why on the error output */
function answer(child: ChildProcess, message: RawSignOrder | RawSignRequest): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = (): void => {
      reject(new Error('the process that drives a token has ended'));
    };
    child.once('exit', ended);
    child.once('message', (said) => {
      child.off('exit', ended);
      resolve(said);
    });
    child.send(message);
  });
}
