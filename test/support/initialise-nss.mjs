/** Gives a new NSS key database its user PIN. Arguments: library, C_Initialize parameters, PIN file. */
import { readFileSync } from 'node:fs';
import pkcs11 from 'pkcs11js';

const [library, libraryParameters, pinFile] = process.argv.slice(2);
const module = new pkcs11.PKCS11();
module.load(library);
module.C_Initialize({ flags: pkcs11.CKF_OS_LOCKING_OK, libraryParameters });
const slot = module
  .C_GetSlotList(true)
  .find((one) => module.C_GetTokenInfo(one).label.startsWith('NSS Certificate DB'));
const session = module.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION);
module.C_Login(session, pkcs11.CKU_SO, '');
module.C_InitPIN(session, readFileSync(pinFile, 'utf8'));
module.C_Finalize();
