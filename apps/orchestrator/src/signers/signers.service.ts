import { randomBytes } from 'node:crypto';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Approval } from '@bulkhead/approval';
import type { CharterEntry, Wallet } from '@bulkhead/charter';
import { accepted, refused, type Result } from '@bulkhead/intent';
import { verifyControl, type ControlStatement } from '@bulkhead/keys';
import type { GasRequest, TransferRequest } from '@bulkhead/policy';
import type { SignerDecisions, SignerEntries, SignerHeads, SignerHealth, SignerKeys } from './answers.js';
import type { TlsIdentity } from './pinned-agent.js';
import { SignerClient, type SignerAddress, type SigningResult } from './signer-client.js';

export interface SignersOptions {
  readonly signers: readonly SignerAddress[];
  /** How signers know us. */
  readonly tls: TlsIdentity;
  readonly timeoutMs: number;
}

/** What one signer of several answered. */
export interface SignerAnswer<T> {
  readonly signer: string;
  readonly result: Result<T>;
}

/** What of a wallet its addresses depend on. */
export interface ProvenWallet {
  readonly id: string;
  /** Those that are active. */
  readonly keys: readonly QuorumKey[];
  /** How many of the keys it takes to spend. */
  readonly threshold: number;
}

export interface QuorumKey {
  readonly signer: string;
  readonly publicKey: string;
}

const MOST_ENTRIES = 500;

/** The firm's signers. Each is asked by itself; none is told what another said. */
@Injectable()
export class SignersService implements OnApplicationShutdown {
  private readonly clients: ReadonlyMap<string, SignerClient>;

  constructor({ signers, tls, timeoutMs }: SignersOptions) {
    this.clients = new Map(signers.map((address) => [address.id, new SignerClient(address, tls, timeoutMs)]));
  }

  all(): readonly SignerClient[] {
    return [...this.clients.values()];
  }

  health(): Promise<readonly SignerAnswer<SignerHealth>[]> {
    return this.askAll((client) => client.health());
  }

  heads(): Promise<readonly SignerAnswer<SignerHeads>[]> {
    return this.askAll((client) => client.heads());
  }

  /** Entries of a chain that a signer has after the one of the hash. */
  async entries(signer: string, chain: string, after: string | undefined): Promise<Result<SignerEntries>> {
    const client = this.client(signer);
    return client.ok ? client.value.entries(chain, after) : client;
  }

  /** A signer's own record of what it has decided, after the first so many. */
  async decisions(signer: string, after: number): Promise<Result<SignerDecisions>> {
    const client = this.client(signer);
    return client.ok ? client.value.decisions(after) : client;
  }

  /**
   * Brings every signer what it lacks. `entries`: the whole log, or its end, in the order in which it was enacted. A
   * refusal of one signer stops only that one.
   */
  pushEntries(entries: readonly CharterEntry[]): Promise<readonly SignerAnswer<SignerHeads>[]> {
    return this.askAll(async (client) => {
      const brought = await bring(client, entries);
      return brought.ok ? accepted(brought.value.heads) : brought;
    });
  }

  /** {@link pushEntries} for one signer. @returns how many entries it lacked */
  async pushEntriesTo(signer: string, entries: readonly CharterEntry[]): Promise<Result<{ readonly lacked: number }>> {
    const client = this.client(signer);
    return client.ok ? bring(client.value, entries) : client;
  }

  /** These signers' keys of a wallet; refused with the first refusal, since a wallet needs them all. */
  async generateKeys(wallet: string, signers: readonly string[]): Promise<Result<readonly QuorumKey[]>> {
    const answers = await Promise.all(
      signers.map(async (id): Promise<Result<QuorumKey>> => {
        const client = this.client(id);
        const key = client.ok ? await client.value.generateKey(wallet) : client;
        return key.ok ? accepted({ signer: id, publicKey: key.value.publicKey }) : key;
      }),
    );
    const keys: QuorumKey[] = [];
    for (const answer of answers) {
      if (!answer.ok) return answer;
      keys.push(answer.value);
    }
    return accepted(keys);
  }

  /**
   * Whether as many signers as it takes to spend from the address hold their keys of the wallet now: each signs a fresh
   * nonce with the address. Those that are away are done without; one that signs wrongly is refused at once.
   */
  async proveControl(wallet: ProvenWallet, address: string): Promise<Result<true>> {
    const statement = { nonce: randomBytes(32).toString('hex'), wallet: wallet.id, address };
    const answers = await Promise.all(wallet.keys.map((key) => this.proof(key, statement)));
    const wrong = answers.find((answer) => !answer.ok && answer.refusal.code === 'keys.signature-invalid');
    const refusal = wrong ?? answers.find((answer) => !answer.ok);
    const proven = answers.filter(({ ok }) => ok).length;
    if (wrong === undefined && proven >= wallet.threshold) return accepted(true);
    return (
      refusal ??
      refused('signer.quorum-unavailable', 'Fewer keys of the wallet are in use than it takes to spend.', {
        wallet: wallet.id,
      })
    );
  }

  /** Whether each of these signers has the key that the wallet names for it; one that is away has not said so. */
  async confirmKeys(wallet: Wallet, signers: readonly string[]): Promise<Result<true>> {
    const answers = await Promise.all(
      signers.map(async (signer) => {
        const client = this.client(signer);
        return client.ok ? client.value.confirmKey(wallet) : client;
      }),
    );
    return answers.find((answer) => !answer.ok) ?? accepted(true);
  }

  /** A signer's key of a wallet, made at the first call, with its proof of control over the statement, verified. */
  async provenKey(
    signer: string,
    statement: ControlStatement,
  ): Promise<
    Result<{ readonly key: QuorumKey; readonly proof: { readonly nonce: string; readonly signature: string } }>
  > {
    const client = this.client(signer);
    if (!client.ok) return client;
    const made = await client.value.generateKey(statement.wallet);
    if (!made.ok) return made;
    const { publicKey } = made.value;
    const proof = await client.value.proveControl(statement);
    if (!proof.ok) return proof;
    const { signature } = proof.value;
    const proven = verifyControl(publicKey, statement, Buffer.from(signature, 'hex'));
    return proven.ok ? accepted({ key: { signer, publicKey }, proof: { nonce: statement.nonce, signature } }) : proven;
  }

  private async proof({ signer, publicKey }: QuorumKey, statement: ControlStatement): Promise<Result<true>> {
    const client = this.client(signer);
    if (!client.ok) return client;
    const proof = await client.value.proveControl(statement);
    if (!proof.ok) return proof;
    return verifyControl(publicKey, statement, Buffer.from(proof.value.signature, 'hex'));
  }

  /** Brings every signer a member's signed REJECT or WITHDRAW. */
  object(objection: Approval): Promise<readonly SignerAnswer<unknown>[]> {
    return this.askAll((client) => client.object(objection));
  }

  /** What each signer says of its keys. */
  keyReports(): Promise<readonly SignerAnswer<SignerKeys>[]> {
    return this.askAll((client) => client.keyReport());
  }

  /** Waits until a signer has destroyed a key of its own that the charter says is destroyed. */
  async destroyKey(signer: string, wallet: string, publicKey: string): Promise<Result<true>> {
    const client = this.client(signer);
    const destroyed = client.ok ? await client.value.destroyKey(wallet, publicKey) : client;
    return destroyed.ok ? accepted(true) : destroyed;
  }

  async signTransfer(signer: string, transfer: TransferRequest): Promise<SigningResult> {
    const client = this.client(signer);
    return client.ok ? client.value.signTransfer(transfer) : client;
  }

  async signGas(signer: string, gas: GasRequest): Promise<SigningResult> {
    const client = this.client(signer);
    return client.ok ? client.value.signGas(gas) : client;
  }

  onApplicationShutdown(): void {
    for (const client of this.clients.values()) client.close();
  }

  private client(id: string): Result<SignerClient> {
    const client = this.clients.get(id);
    return client
      ? accepted(client)
      : refused('charter.unknown-signer', 'No such signer is configured.', { signer: id });
  }

  private askAll<T>(ask: (client: SignerClient) => Promise<Result<T>>): Promise<readonly SignerAnswer<T>[]> {
    return Promise.all(this.all().map(async (client) => ({ signer: client.id, result: await ask(client) })));
  }
}

async function bring(
  client: SignerClient,
  entries: readonly CharterEntry[],
): Promise<Result<{ readonly lacked: number; readonly heads: SignerHeads }>> {
  let answer = await client.heads();
  if (!answer.ok) return answer;
  const { heads } = answer.value;
  const lacking = entries.filter(({ intent }) => intent.sequence > (heads[intent.chain]?.sequence ?? -1));
  for (let start = 0; start < lacking.length; start += MOST_ENTRIES) {
    answer = await client.pushEntries(lacking.slice(start, start + MOST_ENTRIES));
    if (!answer.ok) return answer;
  }
  return accepted({ lacked: lacking.length, heads: answer.value });
}
