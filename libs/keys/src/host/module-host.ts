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
  type KeyRecord,
  openOrderSchema,
  type OpenOrder,
  requestSchema,
  type WrappedKey,
} from './protocol.js';
import { type Made } from './made.js';
import { lowS } from './token-keys.js';
import { tokenObjects } from './token-objects.js';
import { closeWorkshop, openWorkshop, type Workshop } from './workshop.js';

const EXIT_FAILING = 70;
/** How long what is under way may take once the parent is gone. */
const CLOSE_PATIENCE_MS = 5_000;

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
      // a thread that hangs in the module would keep this process, and its login, for ever: also process.exit waits for it
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), CLOSE_PATIENCE_MS).unref();
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
      else if (request.op === 'destroyKey') this.destroy(request);
      else if (request.op === 'destroySealKey') this.destroySealKey(request);
      else if (request.op === 'keepSealed') this.keepSealed(request);
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
  private make<Thing>({ op, id }: HostRequest, keyId: string, makerOf: (workshop: Workshop) => Maker<Thing>): void {
    const made = makerOf(this.workshop).generate(keyId);
    if (!made.ok) answer(id, made);
    else if (!made.value.isNew) answer(id, accepted(made.value.thing));
    else this.answerReopened(op, id, () => kept(keyId, made.value.thing, makerOf(this.workshop)));
  }

  /** Gone is only what is not found in a token opened anew. A key that is not there is destroyed already. */
  private destroy({ op, id, keyId, publicKey }: Extract<HostRequest, { op: 'destroyKey' }>): void {
    const destroyed = this.workshop.keys.destroy(keyId, publicKey);
    if (!destroyed.ok) answer(id, destroyed);
    else this.answerReopened(op, id, () => this.workshop.keys.requireGone(keyId));
  }

  /** Likewise; but where there is nothing to destroy, there is nothing that could be left. */
  private destroySealKey({ op, id, keyId }: Extract<HostRequest, { op: 'destroySealKey' }>): void {
    const { seal } = this.workshop;
    const gone = seal.requireGone(keyId);
    if (!gone.ok) seal.destroy(keyId);
    if (gone.ok) answer(id, gone);
    else this.answerReopened(op, id, () => this.workshop.seal.requireGone(keyId));
  }

  /** Kept is only what is read again in a token opened anew. */
  private keepSealed({ op, id, keyId, bytes }: Extract<HostRequest, { op: 'keepSealed' }>): void {
    const { seal } = this.workshop;
    const before = seal.requireKept(keyId, bytes);
    const put = before.ok ? before : seal.keep(keyId, bytes);
    if (before.ok || !put.ok) answer(id, put);
    else this.answerReopened(op, id, () => this.workshop.seal.requireKept(keyId, bytes));
  }

  /** Other requests wait meanwhile. */
  private answerReopened(op: HostRequest['op'], id: number, result: () => Result<unknown>): void {
    const held = (this.held = [] as HostRequest[]);
    this.reopen().then(() => {
      try {
        answer(id, result());
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
interface Maker<Thing> {
  generate: (keyId: string) => Result<Made<Thing>>;
  /** Has the object do what it is for. */
  prove: (keyId: string) => Result<Thing>;
  /** Takes away what is left of what was made. */
  discard: (keyId: string, made: Thing) => void;
}

/** A key that is not generated here but comes back wrapped. */
const unwrapping =
  (blob: WrappedKey) =>
  ({ keys, backup }: Workshop): Maker<KeyRecord> => ({
    generate: () => backup.unwrap(blob),
    prove: (keyId) => keys.prove(keyId),
    discard: (keyId, made) => {
      keys.discard(keyId, made);
    },
  });

/** What proves the wrapping key later is worked out while the secret is there. */
function installing(secret: Uint8Array): (workshop: Workshop) => Maker<string> {
  const proof = wrappingProof(secret);
  return ({ wrappingKeys }) => ({
    generate: (name) => wrappingKeys.install(name, secret, proof),
    prove: (name) => wrappingKeys.prove(name, proof),
    discard: (name) => {
      wrappingKeys.discard(name);
    },
  });
}

function kept<Thing>(keyId: string, made: Thing, maker: Maker<Thing>): Result<Thing> {
  const proof = maker.prove(keyId);
  if (proof.ok) return proof;
  maker.discard(keyId, made);
  return refused('keys.not-kept', `The token did not keep the new key ${keyId}: its disk may be full.`, {
    keyId,
    found: proof.refusal.code,
  });
}

/** What is done at once, on this thread. */
type PlainRequest = Exclude<
  HostRequest,
  {
    op:
      | 'signDigest'
      | 'generateKey'
      | 'generateSealKey'
      | 'unwrapKey'
      | 'installWrappingKey'
      | 'destroyKey'
      | 'destroySealKey'
      | 'keepSealed';
  }
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
    case 'listObjects':
      return accepted(tokenObjects(token.session));
    case 'readRecord':
      return accepted(records.read());
    case 'advanceRecord':
      return records.advance(request.expected, request.next, request.settleMs);
    case 'seal':
      return seal.seal(request.keyId, request.aad, request.bytes);
    case 'unseal':
      return seal.unseal(request.keyId, request.aad, request.bytes);
    case 'listSealed':
      return accepted(seal.kept());
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
