/**
 * Signs as fast as one token can: the bare loop C_SignInit, C_Sign over 32-byte digests, without anything of ours. A
 * program of its own, since the module reads its settings from the environment a process was started with. It makes a
 * key like those of wallets, says that it is ready, and signs for as long as it is asked to, each time it is asked.
 */
import { randomBytes } from 'node:crypto';
import pkcs11 from 'pkcs11js';

export interface RawSignOrder {
  readonly module: string;
  readonly tokenLabel: string;
  readonly pin: string;
  /** DER of the curve's object identifier, hex. */
  readonly curveOid: string;
}

/** Sign for this long. */
export interface RawSignRequest {
  readonly durationMs: number;
}

export interface RawSignAnswer {
  readonly signatures: number;
  readonly elapsedMs: number;
}

const KEY_NAME = Buffer.from('bench-raw');
const DIGESTS = Array.from({ length: 256 }, () => randomBytes(32));
/** The clock is read once per so many signatures. */
const BURST = 16;

function open({ module: file, tokenLabel, pin, curveOid }: RawSignOrder): void {
  const module = new pkcs11.PKCS11();
  module.load(file);
  module.C_Initialize();
  const slot = module.C_GetSlotList(true).find((one) => module.C_GetTokenInfo(one).label.trim() === tokenLabel);
  if (!slot) throw new Error(`there is no token ${tokenLabel}`);
  const session = module.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION);
  module.C_Login(session, pkcs11.CKU_USER, pin);
  const { privateKey } = module.C_GenerateKeyPair(
    session,
    { mechanism: pkcs11.CKM_EC_KEY_PAIR_GEN },
    [
      { type: pkcs11.CKA_TOKEN, value: true },
      { type: pkcs11.CKA_ID, value: KEY_NAME },
      { type: pkcs11.CKA_EC_PARAMS, value: Buffer.from(curveOid, 'hex') },
    ],
    [
      { type: pkcs11.CKA_TOKEN, value: true },
      { type: pkcs11.CKA_PRIVATE, value: true },
      { type: pkcs11.CKA_SENSITIVE, value: true },
      { type: pkcs11.CKA_EXTRACTABLE, value: false },
      { type: pkcs11.CKA_SIGN, value: true },
      { type: pkcs11.CKA_ID, value: KEY_NAME },
    ],
  );
  process.on('message', ({ durationMs }: RawSignRequest) => {
    const startedMs = performance.now();
    let signatures = 0;
    let elapsedMs = 0;
    while (elapsedMs < durationMs) {
      for (let i = 0; i < BURST; i += 1) {
        module.C_SignInit(session, { mechanism: pkcs11.CKM_ECDSA }, privateKey);
        module.C_Sign(session, DIGESTS[signatures % DIGESTS.length] ?? Buffer.alloc(32), Buffer.alloc(64));
        signatures += 1;
      }
      elapsedMs = performance.now() - startedMs;
    }
    process.send?.({ signatures, elapsedMs } satisfies RawSignAnswer);
  });
  process.once('disconnect', () => {
    module.C_Finalize();
  });
  process.send?.('ready');
}

// Ctrl-C reaches the whole process group; the parent closes the channel when it is done
process.on('SIGINT', () => undefined);
process.once('message', open);
