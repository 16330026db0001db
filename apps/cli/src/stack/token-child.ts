/**
 * Makes one token and ends. A program of its own (see token.ts): what to make comes as JSON on its input.
 */
import { text } from 'node:stream/consumers';
import pkcs11 from 'pkcs11js';

interface TokenRequest {
  readonly module: string;
  readonly label: string;
  readonly securityOfficerPin: string;
  readonly userPin: string;
}

/** CK_TOKEN_INFO.label is 32 bytes, padded with blanks (PKCS#11 v2.40, section 3.2); C_InitToken reads all of them. */
const LABEL_BYTES = 32;

const request = JSON.parse(await text(process.stdin)) as TokenRequest;
const module = new pkcs11.PKCS11();
module.load(request.module);
module.C_Initialize();
try {
  const isFree = (slot: Buffer): boolean => (module.C_GetTokenInfo(slot).flags & pkcs11.CKF_TOKEN_INITIALIZED) === 0;
  const free = module.C_GetSlotList(true).find(isFree);
  if (!free) throw new Error('the module offers no slot for a new token');
  module.C_InitToken(free, request.securityOfficerPin, request.label.padEnd(LABEL_BYTES));

  // an initialised token moves to another slot
  const slot = module.C_GetSlotList(true).find((one) => module.C_GetTokenInfo(one).label.trim() === request.label);
  if (!slot) throw new Error('the new token is not to be found');
  const session = module.C_OpenSession(slot, pkcs11.CKF_RW_SESSION | pkcs11.CKF_SERIAL_SESSION);
  module.C_Login(session, pkcs11.CKU_SO, request.securityOfficerPin);
  module.C_InitPIN(session, request.userPin);
  module.C_Logout(session);
  module.C_CloseSession(session);
} finally {
  module.C_Finalize();
}
