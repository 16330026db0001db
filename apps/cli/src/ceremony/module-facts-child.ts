/**
 * Asks a PKCS#11 module what it and its tokens are, without logging in; answers with its error where it fails. A program of its own: it runs foreign native
 * code, and the module reads its settings from the environment that a process started with.
 */
import pkcs11 from 'pkcs11js';

export interface ModuleFacts {
  readonly cryptoki: string;
  readonly library: string;
  readonly tokens: readonly {
    readonly label: string;
    readonly serial: string;
    readonly model: string;
    readonly firmware: string;
    readonly hardware: string;
    readonly isInitialised: boolean;
  }[];
}

/** Which library, and what C_Initialize is given in its reserved argument. */
export interface ModuleQuestion {
  readonly library: string;
  readonly parameters: string | undefined;
}

const version = ({ major, minor }: { major: number; minor: number }): string => `${major}.${minor}`;
/** Padded with spaces (PKCS#11 v2.40, section 3.2), by some modules with zeros. */
const text = (padded: string): string => padded.replace(/\0.*/s, '').trim();

function read({ library, parameters }: ModuleQuestion): ModuleFacts {
  const module = new pkcs11.PKCS11();
  module.load(library);
  module.C_Initialize({
    flags: pkcs11.CKF_OS_LOCKING_OK,
    ...(parameters === undefined ? {} : { libraryParameters: parameters }),
  });
  const info = module.C_GetInfo();
  const tokens = module.C_GetSlotList(true).map((slot) => module.C_GetTokenInfo(slot));
  const facts: ModuleFacts = {
    cryptoki: version(info.cryptokiVersion),
    library: `${text(info.manufacturerID)} ${text(info.libraryDescription)} ${version(info.libraryVersion)}`,
    tokens: tokens.map(({ label, serialNumber, model, firmwareVersion, hardwareVersion, flags }) => ({
      label: text(label),
      serial: text(serialNumber),
      model: text(model),
      firmware: version(firmwareVersion),
      hardware: version(hardwareVersion),
      isInitialised: (flags & pkcs11.CKF_TOKEN_INITIALIZED) !== 0,
    })),
  };
  module.C_Finalize();
  return facts;
}

process.on('SIGINT', () => undefined);
process.once('message', (question: ModuleQuestion) => {
  let answer: ModuleFacts | string;
  try {
    answer = read(question);
  } catch (error) {
    answer = error instanceof Error ? error.message : String(error);
  }
  process.send?.(answer, () => {
    process.disconnect();
  });
});
