/**
 * Entry of the module host: the one process that loads a signer's PKCS#11 module and holds its token's session. Only the
 * parent that forked it can talk to it. When the module fails, the host ends; its parent starts a new one.
 */
import { accepted, refused, type Result } from '@bulkhead/intent';
import { wrappingProof } from '../backup/wrapping-secret.js';
import { HostFailure, ckrName } from './module.js';
import {
  HOST_REFUSALS,
  type HostMessage,
  type HostRequest,
  openOrderSchema,
  type OpenOrder,
  requestSchema,
  type WrappedKey,
} from './protocol.js';
import { lowS } from './token-keys.js';
import { closeWorkshop, openWorkshop, type Workshop } from './workshop.js';

const EXIT_FAILING = 70;

function say(message: HostMessage, sent?: () => void): void {
  process.send?.(message, () => sent?.());
}

/** Says why, then ends. No call to the module is made any more: its session is not to be trusted. */
function end(message: HostMessage): void {
  process.removeAllListeners('message');
  say(message, () => process.exit(EXIT_FAILING));
}

function open(message: unknown): void {
  try {
    const order = openOrderSchema.parse(message);
    new Desk(order).serve();
  } catch (error) {
    cannotStart(error);
  }
}

function cannotStart(error: unknown): void {
  if (error instanceof HostFailure)
    end({ kind: 'cannot-start', reason: error.reason, detail: error.message, ckr: error.ckr });
  else end({ kind: 'cannot-start', reason: 'module', detail: String(error), ckr: ckrName(error) });
}

function failed(op: HostRequest['op'], error: unknown): void {
  end({ kind: 'failing', detail: `${op}: ${ckrName(error) ?? String(error)}`, ckr: ckrName(error) });
}

/** Takes the parent's requests, one after the other, and holds them back while the token is opened anew. */
class Desk {
  private workshop: Workshop;
  private held: HostRequest[] | undefined;

  constructor(private readonly order: OpenOrder) {
    this.workshop = this.openWorkshop();
  }

  serve(): void {
    process.on('message', (message) => {
      const request = requestSchema.safeParse(message);
      if (!request.success) end({ kind: 'failing', detail: 'the parent sent what is no request' });
      else this.accept(request.data);
    });
    process.once('disconnect', () => {
      void closeWorkshop(this.workshop);
    });
    say({ kind: 'ready', token: this.workshop.token.info });
  }

  private accept(request: HostRequest): void {
    if (this.held === undefined) this.take(request);
    else this.held.push(request);
  }

  private take(request: HostRequest): void {
    try {
      if (request.op === 'signDigest') this.sign(request);
      else if (request.op === 'generateKey') this.make(request, request.keyId, ({ keys }) => keys);
      else if (request.op === 'generateSealKey') this.make(request, request.keyId, ({ seal }) => seal);
      else if (request.op === 'unwrapKey') this.make(request, request.blob.record.keyId, unwrapping(request.blob));
      else if (request.op === 'installWrappingKey') this.install(request);
      else answer(request.id, perform(request, this.workshop));
    } catch (error) {
      failed(request.op, error);
    }
  }

  /** Which key it is, and that it may be used, is decided on this thread, which goes on while another one signs. */
  private sign({ id, keyId, digest }: Extract<HostRequest, { op: 'signDigest' }>): void {
    const { keys, threads } = this.workshop;
    const key = keys.load(keyId);
    if (!key.ok) {
      answer(id, key);
      return;
    }
    threads.sign(key.value.handle, digest).then(
      (signature) => {
        answer(id, lowS(keyId, signature));
      },
      (error: unknown) => {
        failed('signDigest', error);
      },
    );
  }

  /**
   * A new object is not told of before it was found again in a token opened anew: a module may say CKR_OK and not have
   * written it (SoftHSM 2.6.1 does on a full disk), and coins sent to such a key are lost at the next start.
   */
  private make({ op, id }: HostRequest, keyId: string, makerOf: (workshop: Workshop) => Maker): void {
    const maker = makerOf(this.workshop);
    const isThere = maker.exists(keyId);
    const made = maker.generate(keyId);
    if (isThere || !made.ok) {
      answer(id, made);
      return;
    }
    const held = (this.held = [] as HostRequest[]);
    this.reopen().then(() => {
      try {
        answer(id, kept(keyId, makerOf(this.workshop)));
      } catch (error) {
        failed(op, error);
        return;
      }
      this.held = undefined;
      for (const request of held) this.accept(request);
    }, cannotStart);
  }

  /** The secret of the custodians is wiped, here too, as soon as it is in the token. */
  private install(request: Extract<HostRequest, { op: 'installWrappingKey' }>): void {
    try {
      this.make(request, request.wrappingKey, installing(request.secret));
    } finally {
      request.secret.fill(0);
    }
  }

  private async reopen(): Promise<void> {
    await closeWorkshop(this.workshop);
    this.workshop = this.openWorkshop();
  }

  private openWorkshop(): Workshop {
    return openWorkshop(this.order, (error) => {
      failed('signDigest', error);
    });
  }
}

/** What makes objects that must last. */
interface Maker {
  exists: (keyId: string) => boolean;
  generate: (keyId: string) => Result<unknown>;
  /** Has the object do what it is for. */
  prove: (keyId: string) => Result<unknown>;
  discard: (keyId: string) => void;
}

/** A key that is not generated here but comes back wrapped. */
const unwrapping =
  (blob: WrappedKey) =>
  ({ keys, backup }: Workshop): Maker => ({
    exists: (keyId) => keys.exists(keyId),
    generate: () => backup.unwrap(blob),
    prove: (keyId) => keys.prove(keyId),
    discard: (keyId) => {
      keys.discard(keyId);
    },
  });

/** What proves the wrapping key later is worked out while the secret is there. */
function installing(secret: Uint8Array): (workshop: Workshop) => Maker {
  const proof = wrappingProof(secret);
  return ({ wrappingKeys }) => ({
    exists: (name) => wrappingKeys.exists(name),
    generate: (name) => wrappingKeys.install(name, secret, proof),
    prove: (name) => wrappingKeys.prove(name, proof),
    discard: (name) => {
      wrappingKeys.discard(name);
    },
  });
}

function kept(keyId: string, maker: Maker): Result<unknown> {
  const proof = maker.prove(keyId);
  if (proof.ok) return proof;
  maker.discard(keyId);
  return refused('keys.not-kept', `The token did not keep the new key ${keyId}: its disk may be full.`, {
    keyId,
    found: proof.refusal.code,
  });
}

/** What is done at once, on this thread. */
type PlainRequest = Exclude<
  HostRequest,
  { op: 'signDigest' | 'generateKey' | 'generateSealKey' | 'unwrapKey' | 'installWrappingKey' }
>;

function perform(
  request: PlainRequest,
  { token, keys, records, seal, backup, wrappingKeys }: Workshop,
): Result<unknown> {
  switch (request.op) {
    case 'publicKey':
      return keys.record(request.keyId);
    case 'tokenInfo':
      return accepted(token.info);
    case 'listKeys':
      return accepted(keys.list());
    case 'readRecord':
      return accepted(records.read());
    case 'advanceRecord':
      return records.advance(request.expected, request.next, request.settleMs);
    case 'seal':
      return seal.seal(request.keyId, request.aad, request.bytes);
    case 'unseal':
      return seal.unseal(request.keyId, request.aad, request.bytes);
    case 'keepSealed':
      return seal.keep(request.keyId, request.bytes);
    case 'listSealed':
      return accepted(seal.kept());
    case 'destroySealKey':
      return seal.destroy(request.keyId);
    case 'wrappingKeyCheck':
      return wrappingKeys.check(request.wrappingKey);
    case 'wrapKey':
      return backup.wrap(request.keyId, request.wrappingKey);
  }
}

function answer(id: number, result: Result<unknown>): void {
  if (result.ok) {
    say({ kind: 'answer', id, value: result.value });
    return;
  }
  const { detail, facts } = result.refusal;
  const code = HOST_REFUSALS.find((known) => known === result.refusal.code);
  if (code === undefined) throw new Error(`no refusal of a host: ${result.refusal.code}`);
  say({ kind: 'refusal', id, code, detail, facts });
}

// Ctrl-C reaches the whole process group, but when to end is the parent's to say: it closes the channel.
process.on('SIGINT', () => undefined);
process.once('message', open);
