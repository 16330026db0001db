/**
 * Entry of the module host: the one process that loads a signer's PKCS#11 module and holds its token's session. Only the
 * parent that forked it can talk to it. When the module fails, the host ends; its parent starts a new one.
 */
import { accepted, type Result } from '@bulkhead/intent';
import { FIRST_INHERITED_DESCRIPTOR } from '../host-process.js';
import { HostFailure, ckrName, readPin } from './module.js';
import { HOST_REFUSALS, type HostMessage, type HostRequest, openOrderSchema, requestSchema } from './protocol.js';
import { TokenKeys } from './token-keys.js';
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
    const { profile, tokenLabel } = openOrderSchema.parse(order);
    const token = openToken(profile, tokenLabel, readPin(FIRST_INHERITED_DESCRIPTOR));
    serve(token, new TokenKeys(token.session, profile), new TokenRecords(token.session), new TokenSeal(token.session));
  } catch (error) {
    if (error instanceof HostFailure)
      end({ kind: 'cannot-start', reason: error.reason, detail: error.message, ckr: error.ckr });
    else end({ kind: 'cannot-start', reason: 'module', detail: String(error), ckr: ckrName(error) });
  }
}

function serve(token: TokenSession, keys: TokenKeys, records: TokenRecords, seal: TokenSeal): void {
  process.on('message', (message) => {
    const request = requestSchema.safeParse(message);
    if (!request.success) {
      end({ kind: 'failing', detail: 'the parent sent what is no request' });
      return;
    }
    try {
      answer(request.data.id, perform(request.data, token, keys, records, seal));
    } catch (error) {
      end({ kind: 'failing', detail: `${request.data.op}: ${ckrName(error) ?? String(error)}`, ckr: ckrName(error) });
    }
  });
  process.once('disconnect', () => {
    token.module.finalize();
  });
  say({ kind: 'ready', token: token.info });
}

function perform(
  request: HostRequest,
  token: TokenSession,
  keys: TokenKeys,
  records: TokenRecords,
  seal: TokenSeal,
): Result<unknown> {
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
