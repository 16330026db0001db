/**
 * Entry of the module host: the one process that loads a signer's PKCS#11 module and holds its token's session. Only the
 * parent that forked it can talk to it. When the module fails, the host ends; its parent starts a new one.
 */
import { accepted, type Result } from '@bulkhead/intent';
import { FIRST_INHERITED_DESCRIPTOR } from '../host-process.js';
import { type Pkcs11Profile } from '../profile.js';
import { HostFailure, ckrName, readPin } from './module.js';
import { HOST_REFUSALS, type HostMessage, type HostRequest, openOrderSchema, requestSchema } from './protocol.js';
import { SignThreads } from './sign-threads.js';
import { lowS, mechanismNumber, TokenKeys } from './token-keys.js';
import { TokenRecords } from './token-records.js';
import { TokenSeal } from './token-seal.js';
import { type TokenSession, openToken } from './token-session.js';

const EXIT_FAILING = 70;

function say(message: HostMessage, sent?: () => void): void {
  process.send?.(message, () => sent?.());
}

/** Says why, then ends. No call to the module is made any more: its session is not to be trusted. */
function end(message: HostMessage): void {
  process.removeAllListeners('message');
  say(message, () => process.exit(EXIT_FAILING));
}

function open(order: unknown): void {
  try {
    const { profile, tokenLabel, workers } = openOrderSchema.parse(order);
    const token = openToken(profile, tokenLabel, readPin(FIRST_INHERITED_DESCRIPTOR));
    serve({
      token,
      keys: new TokenKeys(token.session, profile),
      records: new TokenRecords(token.session),
      seal: new TokenSeal(token.session),
      threads: workers > 1 ? startThreads(workers, token, profile) : undefined,
    });
  } catch (error) {
    if (error instanceof HostFailure)
      end({ kind: 'cannot-start', reason: error.reason, detail: error.message, ckr: error.ckr });
    else end({ kind: 'cannot-start', reason: 'module', detail: String(error), ckr: ckrName(error) });
  }
}

/** What a host works with, once its token is open. */
interface Workshop {
  readonly token: TokenSession;
  readonly keys: TokenKeys;
  readonly records: TokenRecords;
  readonly seal: TokenSeal;
  /** None when one thread is enough. */
  readonly threads: SignThreads | undefined;
}

function startThreads(workers: number, { module, session }: TokenSession, profile: Pkcs11Profile): SignThreads {
  const order = {
    library: module.libFile,
    slot: session.slot.handle,
    mechanism: mechanismNumber(profile.mechanisms.sign),
  };
  return new SignThreads(workers, order, (error) => {
    failed('signDigest', error);
  });
}

function serve(workshop: Workshop): void {
  process.on('message', (message) => {
    const request = requestSchema.safeParse(message);
    if (!request.success) {
      end({ kind: 'failing', detail: 'the parent sent what is no request' });
      return;
    }
    const { data } = request;
    try {
      if (data.op === 'signDigest' && workshop.threads !== undefined)
        signInThread(data, workshop.keys, workshop.threads);
      else answer(data.id, perform(data, workshop));
    } catch (error) {
      failed(data.op, error);
    }
  });
  process.once('disconnect', () => {
    void close(workshop);
  });
  say({ kind: 'ready', token: workshop.token.info });
}

function failed(op: HostRequest['op'], error: unknown): void {
  end({ kind: 'failing', detail: `${op}: ${ckrName(error) ?? String(error)}`, ckr: ckrName(error) });
}

/** Which key it is, and that it may be used, is decided on this thread. */
function signInThread(
  { id, keyId, digest }: Extract<HostRequest, { op: 'signDigest' }>,
  keys: TokenKeys,
  threads: SignThreads,
): void {
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

async function close({ token, threads }: Workshop): Promise<void> {
  await threads?.close();
  token.module.finalize();
}

function perform(request: HostRequest, { token, keys, records, seal }: Workshop): Result<unknown> {
  switch (request.op) {
    case 'generateKey':
      return keys.generate(request.keyId);
    case 'publicKey':
      return keys.record(request.keyId);
    case 'signDigest':
      return keys.sign(request.keyId, request.digest);
    case 'tokenInfo':
      return accepted(token.info);
    case 'listKeys':
      return accepted(keys.list());
    case 'readRecord':
      return accepted(records.read());
    case 'advanceRecord':
      return records.advance(request.expected, request.next, request.settleMs);
    case 'generateSealKey':
      return seal.generate(request.keyId);
    case 'seal':
      return seal.seal(request.keyId, request.aad, request.bytes);
    case 'unseal':
      return seal.unseal(request.keyId, request.aad, request.bytes);
    case 'destroySealKey':
      return seal.destroy(request.keyId);
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
