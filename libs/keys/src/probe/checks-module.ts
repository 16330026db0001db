import pkcs11 from 'pkcs11js';
import { type Check, profileOf } from './check.js';
import { mechanismName } from './mechanism-names.js';

const TOKEN_FLAGS = [
  'RNG',
  'LOGIN_REQUIRED',
  'PROTECTED_AUTHENTICATION_PATH',
  'USER_PIN_COUNT_LOW',
  'USER_PIN_FINAL_TRY',
  'USER_PIN_LOCKED',
  'USER_PIN_TO_BE_CHANGED',
] as const;

const version = ({ major, minor }: { major: number; minor: number }): string => `${major}.${minor}`;

/** What the module and the token say of themselves. */
export const MODULE_CHECKS: readonly Check[] = [
  {
    name: 'module.version',
    needed: false,
    run: ({ token: { lib } }) => {
      const info = lib.C_GetInfo();
      const cryptoki = version(info.cryptokiVersion);
      const facts = {
        cryptoki,
        manufacturer: info.manufacturerID.trim(),
        library: info.libraryDescription.trim(),
        libraryVersion: version(info.libraryVersion),
      };
      return { outcome: 'noted', detail: `Cryptoki ${cryptoki}, ${facts.library} ${facts.libraryVersion}`, facts };
    },
  },
  {
    name: 'module.token',
    needed: false,
    run: ({ token: { lib, slot } }) => {
      const info = lib.C_GetTokenInfo(slot);
      const flags = TOKEN_FLAGS.filter((name) => (info.flags & pkcs11[`CKF_${name}`]) !== 0);
      const facts = {
        label: info.label.trim(),
        serial: info.serialNumber.trim(),
        model: info.model.trim(),
        firmware: version(info.firmwareVersion),
        hardware: version(info.hardwareVersion),
        pinLength: `${info.minPinLen} to ${info.maxPinLen}`,
        flags: flags.join(' '),
      };
      return { outcome: 'noted', detail: `${facts.model}, serial ${facts.serial}, firmware ${facts.firmware}`, facts };
    },
  },
  {
    name: 'module.mechanisms',
    needed: true,
    run: (bench) => {
      const { lib, slot } = bench.token;
      const names = lib.C_GetMechanismList(slot).map(mechanismName);
      const lacking = Object.values(profileOf(bench).mechanisms).filter((name) => !names.includes(name));
      const facts = { count: String(names.length), mechanisms: names.join(' ') };
      if (lacking.length > 0) return { outcome: 'missing', detail: `${lacking.join(', ')} not offered`, facts };
      const vendor = names.filter((name) => name.startsWith('vendor')).length;
      return { outcome: 'ok', detail: `${names.length} mechanisms, ${vendor} of them the vendor’s own`, facts };
    },
  },
];
